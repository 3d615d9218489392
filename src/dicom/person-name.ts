/** Capital letters that have no canonical decomposition, as they are written where the letter is not on the keyboard. */
const PLAIN: Readonly<Record<string, string>> = {
  Æ: 'AE',
  Ð: 'D',
  Ø: 'O',
  Þ: 'TH',
  Đ: 'D',
  Ħ: 'H',
  Ł: 'L',
  Ŋ: 'N',
  Œ: 'OE',
  Ŧ: 'T',
  ẞ: 'SS',
}
const LETTERS = new RegExp(`[${Object.keys(PLAIN).join('')}]`, 'gu')

/**
 * The form in which person names are compared (design §5): case and accents folded, padding of components and empty
 * trailing components gone. Takes one component group, or several with `=` between them; wildcards pass unchanged, so
 * patterns are folded by the same function. PS3.4 C.2.2.2.1 leaves the matching of PN to the implementation.
 */
export function foldPersonName(text: string): string {
  const folded = text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/gu, '')
    .toUpperCase()
    .replace(LETTERS, (letter) => PLAIN[letter] ?? letter)
    .normalize('NFC')
  return folded
    .split('=')
    .map((group) => {
      const components = group.split('^').map((component) => component.trim())
      return components.join('^').replace(/\^+$/u, '')
    })
    .join('=')
    .replace(/=+$/u, '')
}

/** What stands between the words of a folded name, besides spaces: white space, the delimiters of PN, and commas. */
export const NAME_DELIMITERS: readonly string[] = [
  ...[
    '^',
    '=',
    ',',
    '\t',
    '\n',
    '\v',
    '\f',
    '\r',
    '\u00a0',
    '\u1680',
    '\u2028',
    '\u2029',
    '\u202f',
    '\u205f',
  ],
  ...['\u3000', '\ufeff', ...Array.from({ length: 9 }, (_, at) => String.fromCodePoint(0x2002 + at))],
]

/** The words of a name for fuzzy matching: folded, split at spaces and at the delimiters of PN (and commas). */
export function personNameWords(text: string): string[] {
  return foldPersonName(text)
    .split(/[\s^=,]+/u)
    .filter((word) => word !== '')
}
