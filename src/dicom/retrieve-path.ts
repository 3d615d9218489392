import type { InstanceUids, Uid } from './data-set.ts'
import type { BulkPath } from './dicom-json.ts'

/** Where a study, series or instance can be had below the root of the DICOMweb services (PS3.18 §10.4.1). */
export function retrievePath(study: Uid, series?: Uid, instance?: Uid): string {
  const ofStudy = `/studies/${study}`
  if (series === undefined) return ofStudy
  return instance === undefined
    ? `${ofStudy}/series/${series}`
    : `${ofStudy}/series/${series}/instances/${instance}`
}

/**
 * The URI of each bulk data of an instance below the address of the DICOMweb services: absolute and without a query, because
 * three clients would resolve a relative one in three ways (dicomweb-client, OHIF).
 */
export function bulkUriOf(service: string, uids: InstanceUids): (path: BulkPath) => string {
  const instance = service + retrievePath(uids.study, uids.series, uids.instance)
  return (path) => `${instance}/bulkdata/${path.join('/')}`
}
