/** What Concord uses of dcmjs, which brings no types of its own. */
declare module 'dcmjs' {
  interface DcmjsElement {
    vr: string
    Value?: unknown[]
    _rawValue?: unknown
  }

  interface ReadOptions {
    ignoreErrors?: boolean
    untilTag?: string
    includeUntilTagValue?: boolean
    noCopy?: boolean
  }

  const dcmjs: {
    readonly data: {
      readonly DicomMessage: {
        readFile(
          bytes: ArrayBuffer,
          options?: ReadOptions,
        ): { meta: Record<string, DcmjsElement>; dict: Record<string, DcmjsElement> }
      }
    }
    readonly log: { setLevel(level: string): void }
  }
  export default dcmjs
}

/** The dictionary by itself, without the rest of the package: it loads in a fifth of the time. */
declare module 'dcmjs/dictionary' {
  interface DictionaryEntry {
    /** `(GGGG,EEEE)`; of a repeating group `(GGGG-GGGG,EEEE)`. */
    readonly tag: string
    /** A VR, or `xs`, `ox`, `lt`, `up`, `na` where the standard leaves a choice. */
    readonly vr: string
    readonly vm: string
    /** The keyword, with `RETIRED_` before those that PS3.6 has retired. */
    readonly name: string
  }

  /** By `(GGGG,EEEE)`, or by `(gggg,"CREATOR",ee)` for private elements. */
  export const dictionary: Readonly<Record<string, DictionaryEntry | undefined>>
}
