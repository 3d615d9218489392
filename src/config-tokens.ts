import { createHash } from 'node:crypto'

type Role = 'read' | 'write' | 'admin'

/** Who comes in with a token, and what for. */
export interface TokenEntry {
  readonly name: string
  readonly roles: ReadonlySet<Role>
  /** Digest of the token, 32 bytes. */
  readonly sha256: Buffer
}

/** Reads `AUTH_TOKENS`: `name:role+role:token`, comma-separated or one a line. Of a token its digest is kept. */
export function readTokens(text: string, faults: string[]): readonly TokenEntry[] {
  const tokens: TokenEntry[] = []
  const entries = text.split(/[\s,]+/).filter((word) => word !== '')
  if (entries.length === 0 && text !== '') faults.push('AUTH_TOKENS is set, and has no token in it.')
  for (const [index, entry] of entries.entries()) {
    const [, name = '', roleText = '', token = ''] = /^([^:]*):([^:]*):(.*)$/.exec(entry) ?? []
    const roles = roleText.split('+')
    const fault = !/^[\w.@-]{1,64}$/.test(name)
      ? 'must have the form name:role+role:token, its name of letters, digits and . _ - @'
      : !roles.every(isRole)
        ? 'has a role that is none of read, write, admin'
        : // RFC 6750 §2.1 says what a bearer token may consist of.
          !/^[\w.~+/-]{24,}=*$/.test(token)
          ? 'has a token that is shorter than 24 characters, or has others than letters, digits and . _ ~ + / - ='
          : undefined
    if (fault !== undefined) faults.push(`AUTH_TOKENS, entry ${index + 1}, ${fault}.`)
    const sha256 = createHash('sha256').update(token).digest()
    tokens.push({ name, roles: new Set(roles.filter(isRole)), sha256 })
  }
  if (new Set(tokens.map((token) => token.name)).size < tokens.length)
    faults.push('AUTH_TOKENS has one name twice.')
  return tokens
}

function isRole(text: string): text is Role {
  return text === 'read' || text === 'write' || text === 'admin'
}
