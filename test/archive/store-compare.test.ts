import fc from 'fast-check'
import { sameAttributes } from '../../src/archive/store-compare.ts'
import type { DataSet } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ImplicitVRLittleEndian,
} from '../../src/dicom/transfer-syntax.ts'
import { writeInstance } from '../../src/dicom/writer.ts'
import { ct, mr, segmentation, sr, us } from '../samples.ts'

/** As the index gives a data set back. */
const indexed = (dataSet: DataSet) => JSON.parse(JSON.stringify(dataSet)) as DataSet
const read = (bytes: Buffer) => indexed(readPart10(bytes).dataSet)

describe('the same attributes in two transfer syntaxes', () => {
  it.each([ct, mr, us, sr, segmentation])('are found to be the same whatever the syntax: %p', (make) => {
    for (const TransferSyntaxUID of [
      ImplicitVRLittleEndian,
      ExplicitVRBigEndian,
      DeflatedExplicitVRLittleEndian,
    ]) {
      const attributes = {
        '00090010': { vr: 'LO' as const, Value: ['X'] },
        '00091001': { vr: 'DS' as const, Value: [1, 2] },
      }
      const one = read(make(attributes, { seed: 'x' }).bytes)
      const other = read(make(attributes, { seed: 'x', TransferSyntaxUID }).bytes)
      expect(sameAttributes(one, other)).not.toBeNull()
      const changed = { ...one, '00091003': { vr: 'FD' as const, Value: [0.1] } }
      expect(sameAttributes(changed, other)).toBeNull()
    }
  })

  it('are not when one of them is missing, added or changed, at any depth', () => {
    const { dataSet } = sr({}, { seed: 'x' })
    const paths = pathsOf(dataSet)
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.constantFrom('remove', 'empty', 'change'), (path, how) => {
        const changed = changedAt(dataSet, path, how)
        expect(sameAttributes(indexed(dataSet), indexed(changed)) === null).toBe(
          JSON.stringify(dataSet) !== JSON.stringify(changed),
        )
        expect(sameAttributes(indexed(changed), indexed(dataSet)) === null).toBe(
          JSON.stringify(dataSet) !== JSON.stringify(changed),
        )
      }),
    )
  })

  it('do not count group lengths and padding', () => {
    const { dataSet } = ct({}, { seed: 'x' })
    const padded = {
      ...dataSet,
      FFFCFFFC: { vr: 'OB' as const, InlineBinary: 'AAAA' },
      '00080000': { vr: 'UL' as const, Value: [9] },
    }
    expect(sameAttributes(indexed(dataSet), indexed(padded))).toEqual([])
  })

  it('name the long values that are still to be compared', () => {
    const bulk = { '00281201': { vr: 'OW' as const, InlineBinary: Buffer.alloc(4096, 7).toString('base64') } }
    const { dataSet } = sr(bulk, { seed: 'x' })
    const [one, other] = [
      read(writeInstance(dataSet)),
      read(writeInstance(dataSet, { TransferSyntaxUID: ImplicitVRLittleEndian })),
    ]
    expect(sameAttributes(one, other)).toEqual([
      {
        path: ['00281201'],
        kept: { vr: 'OW', offset: one['00281201']?.offset, length: 4096 },
        sent: { vr: 'OW', offset: other['00281201']?.offset, length: 4096 },
      },
    ])
    const shorter = { ...other, '00281201': { vr: 'OW' as const, offset: 0, length: 4094 } }
    expect(sameAttributes(one, shorter)).toBeNull()
  })
})

type Path = readonly (string | number)[]

function pathsOf(dataSet: DataSet, prefix: Path = []): Path[] {
  return Object.entries(dataSet).flatMap(([tag, element]) => [
    [...prefix, tag],
    ...(element.vr === 'SQ'
      ? (element.Value ?? []).flatMap((item, index) => pathsOf(item as DataSet, [...prefix, tag, index]))
      : []),
  ])
}

function changedAt(dataSet: DataSet, [tag, index, ...rest]: Path, how: string): DataSet {
  const copy = structuredClone(dataSet)
  const element = copy[String(tag)]
  if (element === undefined) return copy
  if (index !== undefined) {
    const Value = (element.Value ?? []).map((item, at) =>
      at === index ? changedAt(item as DataSet, rest, how) : item,
    )
    return { ...copy, [String(tag)]: { ...element, Value } }
  }
  if (how === 'remove') return Object.fromEntries(Object.entries(copy).filter(([name]) => name !== tag))
  if (how === 'empty') return { ...copy, [String(tag)]: { vr: element.vr } }
  return { ...copy, [String(tag)]: { vr: 'LO', Value: ['changed'] } }
}
