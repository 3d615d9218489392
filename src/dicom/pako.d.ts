/** What Concord uses of pako, which brings no types of its own: inflating chunk by chunk without leaving the thread. */
declare module 'pako' {
  export class Inflate {
    constructor(options: { raw: boolean; chunkSize: number })
    /** 0, or a negative number of zlib once the stream is broken. */
    readonly err: number
    /** The end of the stream was reached. */
    readonly ended: boolean
    /** `output` holds `next_out` bytes that were not given to `onData` yet. */
    readonly strm: { readonly output: Uint8Array; readonly next_out: number }
    onData(chunk: Uint8Array): void
    /** False when the stream has ended, well or badly. */
    push(bytes: Uint8Array, flush: boolean): boolean
  }
}
