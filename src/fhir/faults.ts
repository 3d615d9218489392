import { type FaultKind, FhirError, type Json } from './ports.ts'
import { isList, isObject } from './mapping/canonical.ts'

/** What an answer that is no success means (reference: FHIR R4 §3.1.0, RFC 9110 §15, RFC 6585). */
export function faultOf(status: number): FaultKind {
  if (status < 400) return 'misconfigured'
  if (status >= 500) return 'transient'
  switch (status) {
    case 401:
    case 403:
    case 407:
      return 'auth'
    case 404:
    case 410:
      return 'gone'
    case 409:
    case 412:
      return 'conflict'
    case 413:
      return 'too-large'
    case 408:
    case 423:
    case 425:
    case 429:
      return 'transient'
    default:
      return 'refused'
  }
}

/** The error of an answer: its status and what the OperationOutcome says in codes and paths, never in words. */
export function answerError(
  status: number,
  headers: Headers,
  body: Json | undefined,
  now: number,
): FhirError {
  const codes = outcomeCodes(body)
  const said = codes === '' ? '' : ` (${codes})`
  return new FhirError(faultOf(status), `the FHIR server answered ${status}${said}`, {
    status,
    retryAfterMs: retryAfter(headers.get('retry-after'), now),
  })
}

/** `Retry-After` (RFC 9110 §10.2.3), seconds or a date, in milliseconds from `now`; null where it says nothing. */
export function retryAfter(value: string | null, now: number): number | null {
  if (value === null) return null
  const plain = value.trim()
  if (/^\d{1,9}$/u.test(plain)) return Number(plain) * 1000
  const date = Date.parse(plain)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

/** Codes and element paths of an OperationOutcome. Its texts quote the resource, so they are left where they are. */
export function outcomeCodes(body: Json | undefined): string {
  if (!isObject(body) || body['resourceType'] !== 'OperationOutcome' || !isList(body['issue'])) return ''
  return body['issue']
    .slice(0, 5)
    .map((issue) =>
      isObject(issue) ? issueCode(issue['code'], issue['expression'] ?? issue['location']) : '',
    )
    .filter((code) => code !== '')
    .join(', ')
}

function issueCode(code: Json | undefined, expression: Json | undefined): string {
  const path = isList(expression) ? expression[0] : undefined
  const shown = typeof path === 'string' && /^[A-Za-z0-9_.[\]/()*:]{1,120}$/u.test(path) ? ` at ${path}` : ''
  return typeof code === 'string' && /^[a-z-]{1,40}$/u.test(code) ? code + shown : ''
}
