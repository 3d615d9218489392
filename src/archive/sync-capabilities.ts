import type { FhirRelease } from '../fhir/ports.ts'

/** FHIR versions that each release goes by; R4 and R4B have the same resources, as far as we write them. */
const VERSIONS: Readonly<Record<FhirRelease, RegExp>> = {
  R4: /^4\.(?:0|1|3)\./u,
  R4B: /^4\.(?:0|1|3)\./u,
  R5: /^5\./u,
}

/** Why a server of this version must not be written to in this release; null when it may. */
export function releaseFault(fhirVersion: string, release: FhirRelease): string | null {
  if (VERSIONS[release].test(fhirVersion)) return null
  return `FHIR_VERSION is ${release}, but the FHIR server says that it is ${fhirVersion}`
}
