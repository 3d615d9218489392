import { corpusPaths, corpusFile, hasCorpus } from '../../dicom/corpus.ts'
import { sopClassName } from '../../../src/fhir/mapping/sop-class.ts'
import { readPart10 } from '../../../src/dicom/reader.ts'
import { Unreadable } from '../../../src/dicom/reader-unreadable.ts'

describe('the names of SOP Classes', () => {
  it('are those of PS3.6', () => {
    expect(sopClassName('1.2.840.10008.5.1.4.1.1.2')).toBe('CT Image Storage')
    expect(sopClassName('1.2.840.10008.5.1.4.1.1.1.2')).toBe(
      'Digital Mammography X-Ray Image Storage - For Presentation',
    )
    expect(sopClassName('1.2.840.10008.5.1.4.1.1.88.59')).toBe('Key Object Selection Document Storage')
    expect(sopClassName('1.2.840.10008.5.1.4.34.7')).toBe('RT Beams Delivery Instruction Storage')
    expect(sopClassName('1.2.840.10008.5.1.4.1.1')).toBeUndefined()
    expect(sopClassName('1.3.12.2.1107.5.9.1')).toBeUndefined()
  })

  ;(hasCorpus ? it : it.skip)('are known for what real files are, private classes apart', () => {
    const unknown = new Set<string>()
    for (const path of corpusPaths()) {
      try {
        const { SOPClassUID } = readPart10(corpusFile(path))
        if (sopClassName(SOPClassUID) === undefined) unknown.add(SOPClassUID)
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error
      }
    }
    expect([...unknown].filter((uid) => uid.startsWith('1.2.840.10008.5.1.4.1.1.'))).toEqual([])
  })
})
