/** FHIR releases that Concord speaks. R4B has the ImagingStudy, Patient and Endpoint of R4. */
export type FhirRelease = 'R4' | 'R4B' | 'R5'

/** Anything that JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json | undefined
}

/** A FHIR resource as JSON; which elements it has, its type and release say. */
export interface Resource extends JsonObject {
  readonly resourceType: string
  readonly id?: string
}

/** A resource as the server holds it now. */
export interface Stored {
  readonly resource: Resource
  readonly id: string
  /** Of `ETag`, else of `meta.versionId`; null where the server tells neither. */
  readonly versionId: string | null
}

/** What a write came to. */
export interface Written extends Stored {
  /** False when a conditional create found the resource there already (RFC 9110 200 instead of 201). */
  readonly created: boolean
}

/** What the server says of itself (CapabilityStatement), as far as pushing depends on it. */
export interface Capabilities {
  /** `4.0.1`, `4.3.0`, `5.0.0`. */
  readonly fhirVersion: string
  readonly software: string | null
  /** Whether `PUT` to an id that is free makes the resource, by resource type; absent where the statement is silent. */
  readonly updateCreate: ReadonlyMap<string, boolean>
  /** Resource types that the server has. */
  readonly types: ReadonlySet<string>
}

/** Why a call to the FHIR server failed, told apart by what must be done about it (FHIR R4 §3.1.0, RFC 9110 §15). */
export type FaultKind =
  /** Try later: no connection, timeout, 408, 423, 425, 429, 5xx, an answer that is not FHIR. The outcome of a write is unknown. */
  | 'transient'
  /** Somebody else wrote, or made, the resource first: read again. 409, 412. */
  | 'conflict'
  /** 404, 410. */
  | 'gone'
  /** 401, 403. */
  | 'auth'
  /** 413. */
  | 'too-large'
  /** The request itself is not accepted: 400, 422, 405 and other 4xx. */
  | 'refused'
  /** The server is not the one that was configured: other release, or it redirects. */
  | 'misconfigured'

/**
 * A failed call. The message names status and OperationOutcome codes, never a value of a resource: servers quote what
 * they refuse.
 */
export class FhirError extends Error {
  override readonly name = 'FhirError'
  readonly kind: FaultKind
  /** HTTP status, or null when there was no answer. */
  readonly status: number | null
  /** Milliseconds after which the server asked to be called again. */
  readonly retryAfterMs: number | null

  constructor(
    kind: FaultKind,
    message: string,
    options: { status?: number; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.kind = kind
    this.status = options.status ?? null
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}

/** True for a FhirError, or for a FhirError of the kinds named. */
export function isFhirError(error: unknown, ...kinds: FaultKind[]): error is FhirError {
  return error instanceof FhirError && (kinds.length === 0 || kinds.includes(error.kind))
}

/** THE HOSPITAL'S FHIR SERVER. Every method but `pages` is one request, rejects with {@link FhirError}, and never retries by itself. */
export interface FhirServer {
  /** Base URL, without credentials and without a slash at its end. */
  readonly url: string
  capabilities(): Promise<Capabilities>
  /** Null where there is no such resource (404) or it was deleted (410). */
  read(resourceType: string, id: string): Promise<Stored | null>
  /** The first page of matches; parameters as in a query string, not yet encoded. */
  search(resourceType: string, parameters: Readonly<Record<string, string>>): Promise<readonly Stored[]>
  /** All matches, page by page, each one request; only pages on the server itself are followed. */
  pages(resourceType: string, parameters: Readonly<Record<string, string>>): AsyncIterable<readonly Stored[]>
  /** `POST`; with `ifNoneExist`, a conditional create by that search (parameters not yet encoded). */
  create(resource: Resource, ifNoneExist?: Readonly<Record<string, string>>): Promise<Written>
  /** `PUT` to the id in the resource; with `ifMatch`, only over that version. */
  update(resource: Resource & { readonly id: string }, ifMatch?: string | null): Promise<Written>
  /** `DELETE`; nothing where it is gone already. */
  remove(resourceType: string, id: string): Promise<void>
}
