import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { readPrivateElements, type PrivateElement } from './dicom/private-elements.ts'

/** WHAT A SETTING MAY LOOK LIKE: text from the environment on one side, a value on the other. Messages follow the name of the setting. */

export const [KIB, MIB, GIB] = [2 ** 10, 2 ** 20, 2 ** 30]
const UNITS: Readonly<Record<string, number>> = { KiB: KIB, MiB: MIB, GiB: GIB }

export const wholeNumber = (min: number, max: number): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)
export const oneOf = <const T extends readonly string[]>(...values: T): z.ZodType<T[number], string> =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` })
export const byteCount = z
  .string()
  .regex(
    /^[1-9]\d{0,11}(?:KiB|MiB|GiB)?$/,
    'must be a number of bytes, or one with KiB, MiB or GiB behind it',
  )
  .transform((text) => parseInt(text, 10) * (UNITS[text.replace(/\d/g, '')] ?? 1))
export const webUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^/?#]/.test(text) && URL.canParse(text),
    'must be an address that begins with http:// or https://',
  )
  .refine((text) => !/[?#]/.test(text), 'must have neither query nor fragment')
  .refine(
    (text) => !/^https?:\/\/[^/]*@/.test(text),
    'must not have a password in it; there are settings of their own for that',
  )
  .transform((text) => text.replace(/\/+$/, ''))
/** As browsers send them (RFC 6454 §6.2): in lower case, without a port that goes without saying. */
export const origins = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''))
  .refine(
    (all) => all.every((one) => /^https?:\/\/[^/?#@]+\/?$/i.test(one) && URL.canParse(one)),
    'must be origins such as https://viewer.example.org, with commas between',
  )
  .transform((all) => all.map((one) => new URL(one).origin))
export const words = z.string().transform((text) => text.split(/[\s,]+/).filter((word) => word !== ''))
export const viewerUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^/?#]/.test(text) && URL.canParse(text) && text.includes('{study}'),
    'must be an address that begins with http:// or https:// and has {study} where the StudyInstanceUID goes',
  )
export const clientKey = z
  .string()
  .regex(
    /^\s*(?:\{|-----BEGIN (?:RSA |EC )?PRIVATE KEY-----)/,
    'must be a private key, in PEM without a passphrase or as JWK',
  )
export const issuerMap = z
  .string()
  .refine(
    (text) => pairs(text).every(([name, uri]) => name !== '' && /^[a-z][a-z0-9+.-]*:\S+$/i.test(uri)),
    'must be pairs NAME=URI with commas between',
  )
  .transform((text): ReadonlyMap<string, string> => new Map(pairs(text)))
const CORRECTION_KINDS = ['demographics', 'identity', 'study', 'subject'] as const
const CORRECTION_POLICIES = ['approve', 'auto', 'off'] as const
/** `approve`, or `approve, demographics=auto`: one word for all kinds, then what is otherwise. */
export const corrections = z.string().transform((text, context) => {
  const policies = {
    demographics: 'approve',
    identity: 'approve',
    study: 'approve',
    subject: 'approve',
  } as Record<(typeof CORRECTION_KINDS)[number], (typeof CORRECTION_POLICIES)[number]>
  const parts = text.split(',').map((part) => part.split('=').map((word) => word.trim()))
  // The word for all kinds holds wherever it stands.
  for (const [name = '', word] of parts.sort((a, b) => a.length - b.length)) {
    const kinds = word === undefined ? CORRECTION_KINDS : CORRECTION_KINDS.filter((kind) => kind === name)
    const policy = CORRECTION_POLICIES.find((one) => one === (word ?? name))
    if (policy === undefined || kinds.length === 0)
      context.addIssue({
        code: 'custom',
        message: `must be one of ${CORRECTION_POLICIES.join(', ')}, also by kind (${CORRECTION_KINDS.join(', ')}) as KIND=…`,
      })
    else for (const kind of kinds) policies[kind] = policy
  }
  return policies
})
export const host = z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be an IP address or a host name')
export const databaseUrl = z
  .string()
  .regex(/^(?:sqlite:.|postgres(?:ql)?:\/\/.)/, 'must begin with sqlite: or postgres://')
export const blobUrl = z
  .string()
  .regex(
    /^(?:file:.|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/?$)/,
    'must be file: and a folder, or s3:// and the name of a bucket',
  )
export const timeZone = z.string().refine(isTimeZone, 'must be the name of a time zone, e.g. Europe/Berlin')

/** More faults of one file than these say nothing new. */
const MOST_FAULTS = 20
const MOST_DICTIONARY_BYTES = 16 * MIB

/** The path of a file of private elements; what stands in it. */
export const privateDictionary = z.string().transform((path, context): readonly PrivateElement[] => {
  const fault = (message: string) => {
    context.addIssue({ code: 'custom', message })
  }
  try {
    const file = statSync(path)
    if (!file.isFile() || file.size > MOST_DICTIONARY_BYTES) {
      fault('names something that is no file of at most 16 MiB')
      return []
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
    const { elements, faults } = readPrivateElements(text)
    for (const one of faults.slice(0, MOST_FAULTS)) fault(`names a file with a fault in ${one}`)
    if (faults.length > MOST_FAULTS)
      fault(`names a file with ${faults.length - MOST_FAULTS} more such faults`)
    return elements
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    fault(
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
        ? 'names a file that is not in UTF-8'
        : `names a file that cannot be read (${code ?? 'error'})`,
    )
    return []
  }
})

/** `NAME=URI, …`: names may have spaces and equals signs in them, URIs neither spaces nor commas. */
function pairs(text: string): [name: string, uri: string][] {
  return text
    .split(/[,\n]/)
    .filter((pair) => pair.trim() !== '')
    .map((pair) => {
      const end = pair.lastIndexOf('=')
      return [pair.slice(0, Math.max(end, 0)).trim(), pair.slice(end + 1).trim()]
    })
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

export function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name)
}

export function isWildcard(name: string): boolean {
  return name === '0.0.0.0' || name === '::'
}
