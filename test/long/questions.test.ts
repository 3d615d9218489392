/** What `npm run test:questions` asks of every real file, with pydicom as the judge. */
import { CORPUS, hasCorpus } from '../dicom/corpus.ts'
import { ask, python } from '../scripts/pydicom.ts'

const withBoth = python !== undefined && hasCorpus ? it : it.skip

describe('npm run test:questions', () => {
  withBoth(
    'has the same answers for the corpus',
    async () => {
      const { status, output } = await ask(CORPUS)
      expect(output).toMatch(/\/series\?Modality=CT: [1-9]\d rows/u)
      expect(output).toMatch(/\/patients\?Manufacturer=\*Philips\*&Modality=CT: \d+ rows/u)
      expect(output).toMatch(/\/patients\?Manufacturer=\*\S+\*&Modality=CT: [1-9]\d* rows/u)
      expect(output).toMatch(/\/instances\?\S+xx\S+: [1-9]\d* rows/u)
      expect(output.match(/GET \/dicomweb\/instances/gu)?.length).toBeGreaterThan(1000)
      expect(output).toMatch(/\d{3} files stored, 0 unreadable to pydicom, 0 differences/u)
      expect(status).toBe(0)
    },
    300_000,
  )
})
