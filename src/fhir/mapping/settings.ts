import type { FhirRelease } from '../ports.ts'

export type FhirProfile = 'core' | 'mado' | 'smart'

/** What a site says about itself, as far as mappings depend on it. */
export interface MappingSettings {
  /** UUID of this archive: every identifier system and tag of ours is made of it (design §7). */
  readonly archiveId: string
  readonly release: FhirRelease
  /** IANA name of the zone in which dates and times without offset were written. */
  readonly zone?: string | undefined
  /** Issuer of Patient IDs that name none: a URI, or a name that `issuers` knows. */
  readonly defaultIssuer?: string | undefined
  /** Issuer of accession numbers that name none. */
  readonly accessionIssuer?: string | undefined
  /** Identifier system (a URI) of local issuer names. */
  readonly issuers?: ReadonlyMap<string, string>
  /** `auto`: instances are listed up to 5,000 a study. */
  readonly instanceDetail?: 'auto' | 'always' | 'never'
  /** Whose wishes beyond FHIR itself are met: IHE MADO, or SMART Imaging Access. */
  readonly profile?: FhirProfile
  /** Whether the DICOMweb service asks for an access token. */
  readonly needsToken?: boolean
  /** Base of the DICOMweb service: Endpoint.address. */
  readonly dicomwebUrl: string
  /** Base of the lineage service, which tells what was made of what. */
  readonly lineageUrl: string
  /** Of this software. */
  readonly softwareVersion?: string | undefined
}
