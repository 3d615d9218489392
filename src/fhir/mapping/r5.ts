import type { Json, JsonObject, Resource } from '../ports.ts'
import { isList, isObject, without } from './canonical.ts'

/** In what R5 says the same otherwise than R4 (R5 ImagingStudy and Endpoint, "R4 Diff"). */

/** An ImagingStudy of R4, as our projection makes it, in the elements of R5. */
export function imagingStudyR5(r4: Resource): Resource {
  const { modality, procedureCode, reasonCode, series, ...same } = r4
  return {
    ...without(same, 'interpreter'),
    resourceType: 'ImagingStudy',
    ...mapped('modality', modality, asConcept),
    ...mapped('procedure', procedureCode, (concept) => ({ concept })),
    ...mapped('reason', reasonCode, (concept) => ({ concept })),
    ...mapped('series', series, (one) => (isObject(one) ? seriesR5(one) : one)),
  }
}

function seriesR5(r4: JsonObject): JsonObject {
  const { modality, bodySite, laterality, ...same } = r4
  return {
    ...same,
    ...(modality !== undefined && { modality: asConcept(modality) }),
    ...(bodySite !== undefined && { bodySite: { concept: asConcept(bodySite) } }),
    ...(laterality !== undefined && { laterality: asConcept(laterality) }),
  }
}

/** An Endpoint of R4 in the elements of R5. */
export function endpointR5(r4: Resource): Resource {
  const { connectionType, payloadType, payloadMimeType, ...same } = r4
  return {
    ...same,
    resourceType: 'Endpoint',
    ...(connectionType !== undefined && { connectionType: [asConcept(connectionType)] }),
    payload: [
      {
        ...(payloadType !== undefined && { type: payloadType }),
        ...(payloadMimeType !== undefined && { mimeType: payloadMimeType }),
      },
    ],
  }
}

/** A Coding as CodeableConcept. One that only shows a word becomes text: a coding without code codes nothing. */
function asConcept(coding: Json): JsonObject {
  if (isObject(coding) && coding['code'] === undefined && coding['display'] !== undefined) {
    return { text: coding['display'] }
  }
  return { coding: [coding] }
}

function mapped(name: string, values: Json | undefined, map: (value: Json) => Json): JsonObject {
  return isList(values) ? { [name]: values.map(map) } : {}
}
