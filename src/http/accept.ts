/**
 * What a client may be given: the Accept header and the `accept` query parameter, with the parameters that DICOM gives
 * to media types (RFC 9110 §12.5.1, PS3.18 §8.7). Lenient where real clients are wrong: an entry that cannot be
 * read is passed over, never an error.
 */
export interface MediaRange {
  /** Lower case, `*` for any: `application/dicom+json`, `image/*`, `*` followed by `/*`. */
  readonly media: string
  /** `type=` of multipart/related, lower case; undefined takes parts of any type. */
  readonly part?: string
  /** A transfer syntax UID, or `*` for the stored one. */
  readonly transferSyntax?: string
  /** Weight; 0 forbids. */
  readonly q: number
}

/** Something the server can send. */
export interface Offer {
  readonly media: string
  readonly part?: string
}

const ANYTHING: MediaRange = { media: '*/*', q: 1 }

/**
 * Every media range a request names, most wanted first: those of the `accept` parameter (values as decoded, a `+` that
 * became a space is put back), then those of the header, each in order of weight and position. Without either: `*` of
 * every type. Empty when what is there cannot be understood, so that nothing is acceptable.
 */
export function parseAccept(header: string | undefined, queryAccept: readonly string[] = []): MediaRange[] {
  const asked = queryAccept.flatMap((text) => parseList(text.trim().replaceAll(/(?<=\w) (?=\w)/gu, '+')))
  const named = header === undefined || header.trim() === '' ? [] : parseList(header)
  const silent = (header ?? '').trim() === ''
  if (silent && queryAccept.every((text) => text.trim() === '')) return [ANYTHING]
  return [...byWeight(asked), ...byWeight(named)]
}

/**
 * The first offer, in the order of the client's wishes and then of the server's, that some range takes and that no range
 * as narrow forbids by `q=0`; null: 406.
 */
export function selectMedia<T extends Offer>(
  ranges: readonly MediaRange[],
  offers: readonly T[],
): { readonly offer: T; readonly range: MediaRange } | null {
  for (const range of ranges) {
    if (range.q === 0) continue
    const offer = offers.find((one) => takes(range, one) && !isForbidden(ranges, one))
    if (offer) return { offer, range }
  }
  return null
}

/** Whether the narrowest of the ranges that take it says `q=0` (RFC 9110 §12.5.1). */
export function isForbidden(ranges: readonly MediaRange[], offer: Offer): boolean {
  const [narrowest] = ranges
    .filter((range) => takes(range, offer))
    .sort((a, b) => narrowness(b) - narrowness(a))
  return narrowest?.q === 0
}

function narrowness(range: MediaRange): number {
  if (range.media === '*/*') return 0
  if (range.media.endsWith('/*')) return 1
  return range.part === undefined || range.part.endsWith('/*') ? 2 : 3
}

function takes(range: MediaRange, offer: Offer): boolean {
  if (!covers(range.media, offer.media)) return false
  return range.part === undefined || offer.part === undefined || covers(range.part, offer.part)
}

/** Whether a media range (`*` for any) takes a media type. */
export function covers(range: string, media: string): boolean {
  return range === media || range === '*/*' || (range.endsWith('/*') && media.startsWith(range.slice(0, -1)))
}

function byWeight(ranges: readonly MediaRange[]): MediaRange[] {
  return ranges.toSorted((a, b) => b.q - a.q)
}

function parseList(text: string): MediaRange[] {
  return splitOutsideQuotes(text, ',').flatMap(parseEntry)
}

/** One entry; several, most wanted first, when OHIF names `transfer-syntax` more than once. */
function parseEntry(text: string): MediaRange[] {
  const [name = '', ...rest] = splitOutsideQuotes(text, ';').map((piece) => piece.trim())
  const media = name === '*' ? '*/*' : name.toLowerCase()
  if (!/^(?:\*\/\*|[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+))$/u.test(media)) return []
  const parameters = rest.filter((piece) => piece !== '').map(parseParameter)
  const first = (wanted: string): string | undefined => parameters.find((one) => one.name === wanted)?.value
  const q = first('q') === undefined ? 1 : Number(first('q'))
  if (!(q >= 0 && q <= 1)) return []
  // A media type without a name is the type of the parts: `multipart/related; image/dicom+jpx`.
  const part = (first('type') ?? parameters.find((one) => one.name === '' && one.value.includes('/'))?.value)
    ?.trim()
    .toLowerCase()
  const syntaxes = parameters.filter((one) => one.name === 'transfer-syntax').map((one) => one.value)
  const range = { media, q, ...(media === 'multipart/related' && part !== undefined && { part }) }
  if (syntaxes.length === 0) return [range]
  return [...new Set(syntaxes)].map((transferSyntax) => ({ ...range, transferSyntax }))
}

function parseParameter(text: string): { readonly name: string; readonly value: string } {
  const equals = text.indexOf('=')
  if (equals < 0) return { name: '', value: text }
  const value = text.slice(equals + 1).trim()
  const quoted = /^"((?:[^"\\]|\\.)*)"?$/u.exec(value)
  return {
    name: text.slice(0, equals).trim().toLowerCase(),
    value: quoted ? (quoted[1] ?? '').replaceAll(/\\(.)/gu, '$1') : value,
  }
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const pieces: string[] = []
  let [from, isQuoted] = [0, false]
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]
    if (isQuoted && letter === '\\') at++
    else if (letter === '"') isQuoted = !isQuoted
    else if (letter === separator && !isQuoted) {
      pieces.push(text.slice(from, at))
      from = at + 1
    }
  }
  pieces.push(text.slice(from))
  return pieces
}
