/** One file of a corpus, as its manifest has it. */
export interface ManifestRow {
  readonly path: string
  readonly sha256: string
  readonly study_uid: string
  readonly series_uid: string
  readonly sop_uid: string
  readonly patient_id: string
}

/** A tab-separated table with a head line; columns that are missing are empty. */
export function readTable(text: string): ManifestRow[] {
  const [head = '', ...lines] = text.trimEnd().split('\n')
  const columns = head.split('\t')
  return lines.map((line) => {
    const cells = line.split('\t')
    const cell = (name: keyof ManifestRow) => cells[columns.indexOf(name)] ?? ''
    return {
      path: cell('path'),
      sha256: cell('sha256'),
      study_uid: cell('study_uid'),
      series_uid: cell('series_uid'),
      sop_uid: cell('sop_uid'),
      patient_id: cell('patient_id'),
    }
  })
}
