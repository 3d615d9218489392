/** What Concord uses of dcmjs, which brings no types of its own. */
declare module 'dcmjs' {
  interface DictionaryEntry {
    /** `(GGGG,EEEE)`; the lowest group of a repeating one. */
    readonly tag: string
    /** A VR, or `xs`, `ox`, `lt`, `up`, `na` where the standard leaves a choice. */
    readonly vr: string
    readonly vm: string
    /** The keyword, with `RETIRED_` before those that PS3.6 has retired. */
    readonly name: string
  }

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
      readonly DicomMetaDictionary: {
        /** By `(GGGG,EEEE)`, or by `(gggg,"CREATOR",ee)` for private elements. */
        readonly dictionary: Readonly<Record<string, DictionaryEntry | undefined>>
        /** By keyword. */
        readonly nameMap: Readonly<Record<string, DictionaryEntry | undefined>>
      }
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
