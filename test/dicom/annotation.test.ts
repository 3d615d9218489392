import { annotationsOf } from '../../src/dicom/annotation.ts'
import { composeDataSet } from '../../src/dicom/compose.ts'

it('says whose an image is and how it was made, and nothing of what is not told', () => {
  const dataSet = composeDataSet({
    PatientName: 'Yamada^Hanako^^Dr=山田^花子',
    PatientID: 'P-1',
    PatientBirthDate: '19670704',
    Modality: 'CR',
    StudyDescription: 'Chest',
    SeriesDescription: 'PA',
    ViewPosition: 'PA',
    StudyDate: '20260501',
    StudyTime: '0830',
    SeriesNumber: 1,
    KVP: 125,
  })
  expect(annotationsOf(dataSet)).toEqual({
    patient: ['Yamada, Hanako Dr  山田, 花子', 'ID P-1', 'born 1967-07-04'],
    technique: ['CR  Chest', 'PA', '2026-05-01  08:30', 'series 1', '125 kV'],
  })
  expect(annotationsOf({})).toEqual({ patient: [], technique: [] })
})

it('keeps lines short, and each on its own', () => {
  const { patient, technique } = annotationsOf(
    composeDataSet({ PatientID: `A\n${'B'.repeat(64)}`, StudyDate: 'today', StudyTime: 'now' }),
  )
  expect(patient).toEqual([`ID A ${'B'.repeat(58)}…`])
  expect(technique).toEqual([])
})
