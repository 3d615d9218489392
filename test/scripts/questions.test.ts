/** The two questions of `npm run test:questions`, with pydicom as the judge; of the corpus in `test/long`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from '../../scripts/running-service.ts'
import { ct, mr } from '../samples.ts'
import { ask, python } from './pydicom.ts'

const withPydicom = python === undefined ? it.skip : it

describe('npm run test:questions', () => {
  withPydicom(
    'has the same answers for files made here, duplicates, quarantined and refused ones among them',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'concord-made-'))
      try {
        const philips = { Manufacturer: 'Philips Medical Systems' }
        const first = ct({ ...philips, PatientID: 'A' })
        const files = {
          a: first,
          // The same again, and another patient under its UID: neither counts.
          b: ct({ ...philips, PatientID: 'A', SOPInstanceUID: first.uids.instance }, { preamble: Buffer.alloc(128, 1) }), // prettier-ignore
          c: ct({ ...philips, PatientID: 'STRAY', SOPInstanceUID: first.uids.instance }),
          d: ct({ Manufacturer: 'ACME', PatientID: 'B' }),
          e: mr({ ...philips, PatientID: 'C' }),
          f: ct({ ...philips, PatientID: undefined }),
          g: ct({ ...philips, PatientID: 'A', IssuerOfPatientID: 'OTHER' }),
          h: ct({ Manufacturer: 'philips', PatientID: 'D' }),
        }
        for (const [name, { bytes }] of Object.entries(files))
          await writeFile(join(folder, `${name}.dcm`), bytes)
        await writeFile(join(folder, 'none.txt'), 'no DICOM at all')
        const { status, output } = await ask(folder)
        expect(output).toContain('/series?Modality=CT: 5 rows; pydicom over the stored files: 5')
        expect(output).toContain('*Philips*&Modality=CT: 3 rows; pydicom over the stored files: 3')
        expect(output).toMatch(/\/instances\?00180060=\d+\S*: 5 rows; pydicom over the stored files: 5/u)
        expect(output).toContain('6 files stored, 0 unreadable to pydicom, 0 differences')
        expect(status).toBe(0)
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    120_000,
  )

  withPydicom(
    'ends with 2 where there is no pydicom',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'concord-made-'))
      try {
        const { status, output } = await runToEnd('scripts/questions.ts', [folder, '--python', 'false'], {})
        expect([status, output]).toEqual([2, expect.stringContaining('with pydicom is needed')])
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    60_000,
  )
})
