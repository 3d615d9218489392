import { parse as parseContentType } from 'content-type'
import type { Request, Response } from 'express'
import { isUid } from '../dicom/uid.ts'
import { Problem } from '../problem.ts'
import { selectMedia } from './accept.ts'
import { acceptOf } from './scope.ts'
import type { UploadSettings } from './settings.ts'

/** What can be stored: instances as Part 10 files, several or one (PS3.18 §10.5.1). */
export const ACCEPT_POST = 'multipart/related; type="application/dicom", application/dicom'
export const PART10 = 'application/dicom'

/**
 * RFC 2046 §5.1.1 allows 1 to 70 characters, no blank at the end. Orthanc as a client sends 73 (two UUIDs), and nothing
 * is gained by refusing what can be read.
 */
const BOUNDARY = /^[\w'()+,./:=? *-]{0,255}[\w'()+,./:=?*-]$/

const ANSWERS = [
  { media: 'application/dicom+json' },
  { media: 'application/dicom+xml' },
  { media: 'application/json' },
] as const

/** A store request, checked as far as that goes without its body. */
export interface StoreRequest {
  readonly study: string | undefined
  /** Media type of the answer. */
  readonly answer: (typeof ANSWERS)[number]['media']
  /** Of a multipart body; undefined: the body is one instance. */
  readonly boundary: string | undefined
}

/**
 * Reads the head of a store request. Throws the Problem that can be told before the body is sent: 400, 406, 413, 415.
 * Sets Accept-Post (PS3.18 leaves it to HTTP) where the media type is at fault.
 */
export function readStoreRequest(request: Request, response: Response, limits: UploadSettings): StoreRequest {
  const { study } = request.params
  if (study !== undefined && (typeof study !== 'string' || !isUid(study))) {
    throw new Problem('malformed', 'The study in the path is no UID.')
  }
  const answer = selectMedia(acceptOf(request), ANSWERS)?.offer.media
  if (answer === undefined) {
    throw new Problem(
      'not-acceptable',
      'The answer to a store request is application/dicom+json or application/dicom+xml.',
    )
  }
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw unsupported(response, 'Bodies are not taken compressed; leave Content-Encoding out.')
  }
  const boundary = readContentType(request, response)
  if (Number(request.headers['content-length'] ?? 0) > limits.maxRequestBytes) {
    throw new Problem('too-large', `An upload may have ${limits.maxRequestBytes} bytes; send it in several.`)
  }
  return { study, answer, boundary }
}

function readContentType(request: Request, response: Response): string | undefined {
  const { type, parameters } = parseContentType(request.headers['content-type'] ?? '')
  if (type.toLowerCase() === PART10) return undefined
  if (type.toLowerCase() !== 'multipart/related') {
    throw unsupported(response, `Instances are taken as ${ACCEPT_POST}.`)
  }
  const { type: partType = PART10, boundary } = parameters
  if (partType.trim().toLowerCase() !== PART10) {
    throw unsupported(response, `Instances are taken as ${PART10}; metadata with bulk data apart is not.`)
  }
  if (boundary === undefined) throw new Problem('malformed', 'The Content-Type has no boundary.')
  if (!BOUNDARY.test(boundary)) {
    throw new Problem(
      'malformed',
      'The boundary in the Content-Type is longer than 256 characters, or has some that it may not have (RFC 2046 §5.1.1).',
    )
  }
  return boundary
}

function unsupported(response: Response, text: string): Problem {
  response.setHeader('Accept-Post', ACCEPT_POST)
  return new Problem('unsupported-media-type', text)
}
