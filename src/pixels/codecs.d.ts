/** What Concord uses of the codecs compiled to WebAssembly, which bring no types of their own. */
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  const load: (options: object) => Promise<{ JPEGDecoder: new () => WasmDecoder }>
  export default load
}
declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  const load: (options: object) => Promise<{
    JpegLSDecoder: new () => WasmDecoder & {
      /** 0: colour by colour, 1: by line, 2: by pixel; samples come out by pixel for 1 and 2. */
      getInterleaveMode(): number
    }
  }>
  export default load
}
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  const load: (options: object) => Promise<{ J2KDecoder: new () => WasmDecoder & WasmHeader }>
  export default load
}
declare module '@cornerstonejs/codec-openjph/wasmjs' {
  const load: (options: object) => Promise<{
    HTJ2KDecoder: new () => WasmDecoder & WasmHeader
    HTJ2KEncoder: new () => WasmEncoder & { setQuality(lossless: boolean, quantization: number): void }
  }>
  export default load
}
declare module '@cornerstonejs/codec-openjpeg/wasmjs' {
  const load: (
    options: object,
  ) => Promise<{ J2KEncoder: new () => WasmEncoder & { setDecompositions(count: number): void } }>
  export default load
}
declare module '@cornerstonejs/codec-charls/wasmjs' {
  const load: (options: object) => Promise<{
    JpegLSEncoder: new () => WasmEncoder & {
      setNearLossless(difference: number): void
      setInterleaveMode(mode: number): void
    }
  }>
  export default load
}

interface WasmFrame {
  readonly width: number
  readonly height: number
  readonly bitsPerSample: number
  readonly componentCount: number
  readonly isSigned?: boolean
  readonly isUsingColorTransform?: boolean
}

/** Buffers are views of the memory of the module, gone with its next growth. */
interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array
  decode(): void
  getDecodedBuffer(): Uint8Array
  getFrameInfo(): WasmFrame
  delete(): void
}

interface WasmHeader {
  readHeader(): void
}

interface WasmEncoder {
  getDecodedBuffer(frame: WasmFrame): Uint8Array
  encode(): void
  getEncodedBuffer(): Uint8Array
  delete(): void
}
