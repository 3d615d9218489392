import type { CorrectionRow, StudyPart } from '../database/ports/corrections.ts'
import type { InstanceUids, Uid } from '../dicom/data-set.ts'
import { uidFrom } from '../dicom/uid.ts'

/** The study that the part of a correction leaves for; null: it is about the whole study, which stays where it is. */
export function newStudyOf({
  id,
  study,
  detail,
}: Pick<CorrectionRow, 'id' | 'study' | 'detail'>): Uid | null {
  return detail.part === undefined ? null : uidFrom(id, `study ${study}`)
}

/** Whether an instance is of the part that is corrected. */
export function isOf(part: StudyPart | undefined, { series, instance }: InstanceUids): boolean {
  return part === undefined || part.series.includes(series) || part.instances.includes(instance)
}
