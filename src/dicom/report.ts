/** Structured reports for people (PS3.3 C.17.3): the content tree as a page, or as plain text. */
import type { DataSet, PersonName, Tag, Value } from './data-set.ts'

/** A content item, ready to be written. */
interface Line {
  readonly depth: number
  /** Concept name; empty where there is none. */
  readonly name: string
  readonly value: string
  readonly isHeading: boolean
}

const MOST_DEPTH = 64
/** What a report is known by. */
const HEADER: readonly (readonly [string, Tag])[] = [
  ['Patient', '00100010'],
  ['Patient ID', '00100020'],
  ['Birth date', '00100030'],
  ['Sex', '00100040'],
  ['Study', '00081030'],
  ['Study date', '00080020'],
  ['Accession number', '00080050'],
  ['Completion', '0040A491'],
  ['Verification', '0040A493'],
]

/** The report as one HTML page without scripts, styles or links; text from the data set is text in it. */
export function reportHtml(dataSet: DataSet): string {
  const title = escaped(titleOf(dataSet))
  const facts = headerOf(dataSet).map(
    ([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`,
  )
  const body: string[] = []
  let open = 0
  for (const { depth, name, value, isHeading } of linesOf(dataSet)) {
    for (; open < depth; open++) body.push('<ul>')
    for (; open > depth; open--) body.push('</ul>')
    const label = name === '' ? '' : `<b>${escaped(name)}</b>`
    const text = escaped(value).replace(/\r\n|\r|\n/g, '<br>')
    body.push(`<li>${isHeading ? label : [label, text].filter((one) => one !== '').join(': ')}</li>`)
  }
  for (; open > 0; open--) body.push('</ul>')
  return [
    '<!DOCTYPE html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body>`,
    `<h1>${title}</h1>`,
    `<table>${facts.join('')}</table>`,
    ...body,
    '</body></html>',
    '',
  ].join('\n')
}

/** The report as plain text: a line for each content item, those within it indented. */
export function reportText(dataSet: DataSet): string {
  const lines = linesOf(dataSet).map(({ depth, name, value, isHeading }) => {
    const indent = '  '.repeat(depth - 1)
    const text = value.replace(/\r\n|\r|\n/g, `\n${indent}  `)
    return `${indent}${isHeading ? name : [name, text].filter((one) => one !== '').join(': ')}`
  })
  const facts = headerOf(dataSet).map(([name, value]) => `${name}: ${value}`)
  return [titleOf(dataSet), '', ...facts, '', ...lines, ''].join('\n')
}

function titleOf(dataSet: DataSet): string {
  return meaningOf(dataSet, '0040A043') || 'Report'
}

function headerOf(dataSet: DataSet): (readonly [string, string])[] {
  return HEADER.map(([name, tag]) => [name, textOf(dataSet, tag)] as const).filter(
    ([, value]) => value !== '',
  )
}

/** The content items below the root, in order. */
function linesOf(root: DataSet): Line[] {
  const lines: Line[] = []
  const walk = (item: DataSet, depth: number): void => {
    if (depth > MOST_DEPTH) return
    for (const child of itemsOf(item, '0040A730')) {
      const isHeading = textOf(child, '0040A040') === 'CONTAINER'
      lines.push({
        depth,
        name: meaningOf(child, '0040A043'),
        value: isHeading ? '' : valueOf(child),
        isHeading,
      })
      walk(child, depth + 1)
    }
  }
  walk(root, 1)
  return lines
}

/** The value of a content item by its Value Type (PS3.3 Table C.17.3-7). */
function valueOf(item: DataSet): string {
  switch (textOf(item, '0040A040')) {
    case 'TEXT':
      return textOf(item, '0040A160')
    case 'CODE':
      return meaningOf(item, '0040A168')
    case 'NUM':
      return numberOf(item)
    case 'PNAME':
      return textOf(item, '0040A123')
    case 'DATE':
      return textOf(item, '0040A121')
    case 'TIME':
      return textOf(item, '0040A122')
    case 'DATETIME':
      return textOf(item, '0040A120')
    case 'UIDREF':
      return textOf(item, '0040A124')
    case 'SCOORD':
    case 'SCOORD3D':
    case 'TCOORD':
      return textOf(item, '00700023') || textOf(item, '0040A130')
    default:
      return referenceOf(item)
  }
}

function numberOf(item: DataSet): string {
  const [measured] = itemsOf(item, '0040A300')
  if (measured === undefined) return meaningOf(item, '0040A301')
  const [unit] = itemsOf(measured, '004008EA')
  const code = unit === undefined ? '' : textOf(unit, '00080100')
  return [textOf(measured, '0040A30A'), code === '1' ? '' : code].filter((one) => one !== '').join(' ')
}

/** Images, waveforms and other objects are named; whoever reads on has their UIDs. */
function referenceOf(item: DataSet): string {
  const [reference] = itemsOf(item, '00081199')
  if (reference === undefined) return ''
  const frames = textOf(reference, '00081160')
  return textOf(reference, '00081155') + (frames === '' ? '' : ` (frame ${frames})`)
}

/** Code Meaning of the first item, else its value. */
function meaningOf(item: DataSet, tag: Tag): string {
  const [code] = itemsOf(item, tag)
  return code === undefined ? '' : textOf(code, '00080104') || textOf(code, '00080100')
}

function itemsOf(dataSet: DataSet, tag: Tag): DataSet[] {
  const element = dataSet[tag]
  if (element?.vr !== 'SQ') return []
  return (element.Value ?? []).filter((item): item is DataSet => typeof item === 'object' && item !== null)
}

function textOf(dataSet: DataSet, tag: Tag): string {
  return (dataSet[tag]?.Value ?? []).map(shown).join(', ')
}

function shown(value: Value): string {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  const { Alphabetic, Ideographic, Phonetic } = value as PersonName
  const names = [Alphabetic, Ideographic, Phonetic].filter((name) => name !== undefined)
  return names
    .map((name) =>
      name
        .split('^')
        .filter((part) => part !== '')
        .join(' '),
    )
    .join(' / ')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? letter)
}
