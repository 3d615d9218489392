import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import {
  ownPrivateElements,
  privateBlock,
  privateVr,
  usePrivateElements,
} from '../../src/dicom/private-dictionary.ts'
import { readPrivateVrs } from '../../src/dicom/private-vrs.ts'
import { readPrivateElements, type PrivateElement } from '../../src/dicom/private-elements.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { ct } from '../samples.ts'

const vr = (creator: string, group: number, element: number): string | undefined =>
  privateVr(creator, privateBlock(creator), group, element)

const ACME: PrivateElement = { creator: 'ACME 1.1', group: 0x19, element: 0x10, vr: 'DS', name: 'Dose' }

afterEach(() => usePrivateElements([]))

describe('the dictionary of private elements', () => {
  it('knows elements of private blocks by their creator', () => {
    expect(vr('SIEMENS CT VA0  COAD', 0x19, 0xb0)).toBe('DS')
    expect(vr('GEMS_IDEN_01', 0x09, 0xe6)).toBe('SH')
    expect(vr('GEMS_IDEN_01', 0x09, 0xe6)).toBe('SH')
    expect(vr('GEMS_IDEN_01', 0x09, 0x00)).toBeUndefined()
    expect(vr(' GEMS_IDEN_01 ', 0x09, 0xe6)).toBe('SH')
    expect(vr('NOBODY "01"', 0x09, 0xe6)).toBeUndefined()
  })

  it.each([
    ['GEMS_HELIOS_01', 0x45, 0x08, 'SS'],
    ['AGFA', 0x19, 0x10, 'SH'],
    ['Philips MR Imaging DD 005', 0x2005, 0x06, 'SS'],
    ['GEMS_PETD_01', 0x09, 0x01, 'LO'],
    ['SIEMENS MED NM', 0x33, 0x00, 'FL'],
    ['CANON_MEC_MR3', 0x29, 0x01, 'SQ'],
    ['GEMS_HELIOS_01', 0x45, 0xff, undefined],
    ['GEMS_HELIOS_01', 0x47, 0x08, undefined],
  ])('knows elements that dcmjs does not: %s %d %d is %s', (creator, group, element, expected) => {
    expect(vr(creator, group, element)).toBe(expected)
  })

  it('says nothing twice, and nothing that is no private element', () => {
    const lines = readFileSync('src/dicom/private-vrs.tsv', 'utf8').split('\n').slice(3, -1)
    expect(lines.length).toBeGreaterThan(500)
    expect(new Set(lines.map((line) => line.split('\t').slice(0, 2).join('\t'))).size).toBe(lines.length)
    for (const line of lines)
      expect(line).toMatch(
        /^\S[^\t\\]{0,69}\t[\dA-F]{3}[13579BDF]\t[A-Z]{2}=[\dA-F]{2}[\dA-F,-]*(?: [A-Z]{2}=[\dA-F]{2}[\dA-F,-]*)*$/u,
      )
    const known = readPrivateVrs(lines.join('\n'))
    const listed = lines.flatMap((line) => line.split('\t')[2]?.split(/[ ,]/u) ?? [])
    const count = listed.reduce((sum, range) => {
      const [first = '', last = first] = range.replace(/^..=/u, '').split('-')
      return sum + parseInt(last, 16) - parseInt(first, 16) + 1
    }, 0)
    expect([...known.values()].reduce((sum, elements) => sum + elements.size, 0)).toBe(count)
  })

  it('learns those of a file, which go before its own, and forgets those of the one before', () => {
    expect(vr('ACME 1.1', 0x19, 0x10)).toBeUndefined()
    usePrivateElements([ACME, { creator: 'GEMS_IDEN_01', group: 0x09, element: 0xe6, vr: 'LO' }])
    expect([vr('ACME 1.1', 0x19, 0x10), vr('ACME 1.1 ', 0x19, 0x10)]).toEqual(['DS', 'DS'])
    expect([vr('ACME 1.1', 0x19, 0x11), vr('acme 1.1', 0x19, 0x10)]).toEqual([undefined, undefined])
    expect(vr('GEMS_IDEN_01', 0x09, 0xe6)).toBe('LO')
    expect(ownPrivateElements()).toHaveLength(2)
    usePrivateElements([])
    expect([vr('ACME 1.1', 0x19, 0x10), vr('GEMS_IDEN_01', 0x09, 0xe6)]).toEqual([undefined, 'SH'])
  })

  it('is that of every thread that is begun afterwards', async () => {
    usePrivateElements([ACME])
    const module = new URL('../../src/dicom/private-dictionary.ts', import.meta.url).href
    const thread = new Worker(
      `const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(module)}).then(({ privateVr, privateBlock }) =>
        parentPort.postMessage(privateVr('ACME 1.1', privateBlock('ACME 1.1'), 0x19, 0x10)))`,
      { eval: true },
    )
    expect(await once(thread, 'message')).toEqual(['DS'])
    await thread.terminate()
  })

  it('lets implicit values be read like explicit ones, within items too', () => {
    const own = {
      '00190010': { vr: 'LO', Value: ['ACME 1.1'] },
      '00191010': { vr: 'DS', Value: [1.5] },
    } as const
    const attributes = {
      '00190010': { vr: 'LO' as const, Value: ['ACME 1.1'] },
      '00191010': { vr: 'DS' as const, Value: [1.5] },
      '00191011': { vr: 'SQ' as const, Value: [own] as never },
    }
    const [implicit, explicit] = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'].map(
      (TransferSyntaxUID) => ct(attributes, { TransferSyntaxUID, seed: 'private' }).bytes,
    )
    const read = (bytes: Buffer | undefined) => readPart10(bytes ?? Buffer.alloc(0)).dataSet
    expect(read(implicit)['00191010']).toEqual({ vr: 'UN', InlineBinary: 'MS41IA==' })
    usePrivateElements([ACME, { creator: 'ACME 1.1', group: 0x19, element: 0x11, vr: 'SQ' }])
    expect(read(implicit)).toEqual(read(explicit))
    expect(read(implicit)['00191011']?.Value).toEqual([own])
  })
})

describe('a file of private elements', () => {
  it('has one a line: creator, element, VR, and perhaps a name', () => {
    const text = [
      '\ufeff# of our scanners',
      'ACME 1.1,0019xx10,DS,Dose',
      '',
      '"ACME, ""INC""" , 00e1xxfF , SQ',
      'ACME 1.1,0019xx11,UN,',
    ].join('\r\n')
    expect(readPrivateElements(text)).toEqual({
      elements: [
        ACME,
        { creator: 'ACME, "INC"', group: 0xe1, element: 0xff, vr: 'SQ' },
        { creator: 'ACME 1.1', group: 0x19, element: 0x11, vr: 'UN' },
      ],
      faults: [],
    })
  })

  it.each([
    ['ACME,0019xx10', 'has 2 fields'],
    ['ACME,0019xx10,DS,a,b', 'has 5 fields'],
    [',0019xx10,DS', 'has no creator'],
    ['A\\B,0019xx10,DS', 'has no creator'],
    [`${'A'.repeat(65)},0019xx10,DS`, 'has no creator'],
    ['ACME,0018xx10,DS', '"0018xx10" is no private element'],
    ['ACME,00191010,DS', '"00191010" is no private element'],
    ['ACME,0019xx1,DS', '"0019xx1" is no private element'],
    ['ACME,0019xx10,ds', '"ds" is no VR'],
    ['ACME,0019xx10,constructor', '"constructor" is no VR'],
    [`ACME,0019xx10,DS,${'n'.repeat(65)}`, 'has a name of more than 64 characters'],
    ['"ACME,0019xx10,DS', 'a quotation mark is not closed'],
    ['AC"ME,0019xx10,DS', 'a quotation mark is not closed, or stands within a field'],
  ])('%s: %s', (line, fault) => {
    const { elements, faults } = readPrivateElements(`#\n${line}\nACME,0019xx20,DS`)
    expect(elements).toHaveLength(1)
    expect(faults).toEqual([expect.stringContaining(`line 2: ${fault}`)])
  })

  it('has each element once', () => {
    expect(readPrivateElements('A,0019xx1a,DS\nA,0019xx1A,LO\nB,0019xx1a,LO').faults).toEqual([
      'line 2: the element stands in line 1 already',
    ])
  })
})
