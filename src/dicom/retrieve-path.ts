import type { Uid } from './data-set.ts'

/** Where a study, series or instance can be had below the root of the DICOMweb services (PS3.18 §10.4.1). */
export function retrievePath(study: Uid, series?: Uid, instance?: Uid): string {
  const ofStudy = `/studies/${study}`
  if (series === undefined) return ofStudy
  return instance === undefined
    ? `${ofStudy}/series/${series}`
    : `${ofStudy}/series/${series}/instances/${instance}`
}
