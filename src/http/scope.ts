import type { Request } from 'express'
import type { Scope } from '../database/ports/instance-index.ts'
import { Problem } from '../problem.ts'
import { parseAccept } from './accept.ts'

/** The study, series or instance of a path; Problem `malformed` for what cannot be a UID (PS3.5 §9.1, leniently). */
export function scopeOf(request: Request): Scope {
  const { study, series, instance } = request.params as { study?: string; series?: string; instance?: string }
  for (const uid of [study, series, instance]) {
    if (uid !== undefined && !/^[\d.]{1,64}$/.test(uid)) {
      throw new Problem('malformed', 'The path names a UID that is none: digits and dots, at most 64.')
    }
  }
  return {
    ...(study !== undefined && { study }),
    ...(series !== undefined && { series }),
    ...(instance !== undefined && { instance }),
  }
}

/** The values of `accept` in the query, which come before the header (PS3.18 §8.3.3.1). */
export function acceptOf(request: Request): ReturnType<typeof parseAccept> {
  const query = new URLSearchParams(queryString(request))
  return parseAccept(request.headers.accept, query.getAll('accept'))
}

/** The query as received: Express would decode it, and turn lists and brackets into objects. */
export function queryString(request: Request): string {
  const mark = request.originalUrl.indexOf('?')
  return mark < 0 ? '' : request.originalUrl.slice(mark + 1)
}
