import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import { nativeXml } from '../../src/dicom/native-xml.ts'

const OPENING =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">'

function body(dataSet: JsonDataSet): string {
  const xml = nativeXml(dataSet)
  expect(xml.startsWith(OPENING)).toBe(true)
  expect(xml.endsWith('</NativeDicomModel>')).toBe(true)
  return xml.slice(OPENING.length, -'</NativeDicomModel>'.length)
}

describe('the Native DICOM Model', () => {
  it('has values by number, and the number of an empty one is missing', () => {
    expect(body({ '00080008': { vr: 'CS', Value: ['A', null, 'B'] }, '00100020': { vr: 'LO' } })).toBe(
      '<DicomAttribute tag="00080008" vr="CS" keyword="ImageType">' +
        '<Value number="1">A</Value><Value number="3">B</Value></DicomAttribute>' +
        '<DicomAttribute tag="00100020" vr="LO" keyword="PatientID"/>',
    )
  })

  it('has person names in components of groups', () => {
    const name = { Alphabetic: 'Yamada^Tarou^^Dr.', Ideographic: '山田^太郎' }

    expect(body({ '00100010': { vr: 'PN', Value: [name] } })).toBe(
      '<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1">' +
        '<Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName><NamePrefix>Dr.</NamePrefix></Alphabetic>' +
        '<Ideographic><FamilyName>山田</FamilyName><GivenName>太郎</GivenName></Ideographic>' +
        '</PersonName></DicomAttribute>',
    )
  })

  it('has items, bulk data, inline binary and numbers', () => {
    expect(
      body({
        '00081199': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2'] } }, {}] },
        '00281201': { vr: 'OW', InlineBinary: 'AAE=' },
        '00281202': { vr: 'OW', BulkDataURI: 'http://h/a?b=1&c="2"' },
        '00281050': { vr: 'DS', Value: [40, -1.5] },
      }),
    ).toBe(
      '<DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence">' +
        '<Item number="1"><DicomAttribute tag="00081155" vr="UI" keyword="ReferencedSOPInstanceUID">' +
        '<Value number="1">1.2</Value></DicomAttribute></Item><Item number="2"></Item></DicomAttribute>' +
        '<DicomAttribute tag="00281050" vr="DS" keyword="WindowCenter">' +
        '<Value number="1">40</Value><Value number="2">-1.5</Value></DicomAttribute>' +
        '<DicomAttribute tag="00281201" vr="OW" keyword="RedPaletteColorLookupTableData"><InlineBinary>AAE=</InlineBinary></DicomAttribute>' +
        '<DicomAttribute tag="00281202" vr="OW" keyword="GreenPaletteColorLookupTableData">' +
        '<BulkData uri="http://h/a?b=1&amp;c=&quot;2&quot;"/></DicomAttribute>',
    )
  })

  it('names the private creator and leaves its block out of the tag', () => {
    expect(
      body({
        '00090010': { vr: 'LO', Value: ['PEER <LAB>'] },
        '00090011': { vr: 'LO', Value: ['UNUSED'] },
        '00091001': { vr: 'LO', Value: ['v'] },
        '00191001': { vr: 'UN', InlineBinary: 'AAE=' },
      }),
    ).toBe(
      '<DicomAttribute tag="00090011" vr="LO"><Value number="1">UNUSED</Value></DicomAttribute>' +
        '<DicomAttribute tag="00090001" vr="LO" privateCreator="PEER &lt;LAB&gt;"><Value number="1">v</Value></DicomAttribute>' +
        '<DicomAttribute tag="00191001" vr="UN"><InlineBinary>AAE=</InlineBinary></DicomAttribute>',
    )
  })

  it('is well-formed whatever the text is', () => {
    const text = '<a href="x">&amp;</a>]]>\u0000\u001b$B\r\n\t\uFFFE\uD800 𝒳'

    expect(body({ '00204000': { vr: 'LT', Value: [text] } })).toContain(
      '>&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;]]&gt;\uFFFD\uFFFD$B&#13;&#10;&#9;\uFFFD\uFFFD 𝒳<',
    )
  })
})
