import { isInAll } from '../dicom/attributes.ts'
import { keyVr } from '../dicom/key-vr.ts'
import { creatorTag, readPrivateStep, tagsOfStep } from '../dicom/path-step.ts'
import type { DataElement, DataSet, KeyPath, Level, PathStep, Tag, Value } from '../dicom/data-set.ts'
import { tuplesOf } from './level-tuples.ts'
import type { Query } from './query.ts'
import { tagsIn, type KeptDataSet, type StoredDataSet } from './search-instances.ts'
import { wholeTexts, type WholeText } from './search-text.ts'

/** Which attributes a row shows, as a tree into sequences; keys are the steps of paths. */
export type Fields = Map<PathStep, Field>

interface Field {
  /** Shown as it is, with all that is in it. */
  readonly isWhole: boolean
  /** Shown empty where the entity, or an item, does not have it; but nothing makes sequences and items. */
  readonly isRequired: boolean
  readonly inner: Fields
}

const WHOLE: Field = { isWhole: true, isRequired: false, inner: new Map() }

/** The attributes that a query's rows show: required and included ones, and those of its keys (PS3.18 §10.6.3.3). */
export function fieldsOf(query: Query): Fields {
  const fields: Fields = new Map()
  for (const tag of query.required) addField(fields, [tag], true)
  for (const path of query.include === 'all' ? [] : query.include)
    addField(fields, path, path.length > 1 || isAsked(query, path))
  for (const { path } of [...query.keys, ...query.aggregates]) addField(fields, path, true)
  return fields
}

function isAsked(query: Query, path: KeyPath): boolean {
  return query.keys.some((key) => key.path.join('.') === path.join('.'))
}

function addField(fields: Fields, path: KeyPath, isRequired: boolean): void {
  const [step, ...rest] = path
  if (step === undefined) return
  const inner: Fields = new Map()
  addField(inner, rest, isRequired)
  const isLast = rest.length === 0
  add(fields, step, { isWhole: isLast, isRequired: isLast && isRequired, inner })
}

function add(fields: Fields, step: PathStep, field: Field): void {
  const known = fields.get(step)
  if (known === undefined) {
    fields.set(step, field)
    return
  }
  const inner: Fields = new Map(known.inner)
  for (const [below, one] of field.inner) add(inner, below, one)
  fields.set(step, {
    isWhole: known.isWhole || field.isWhole,
    isRequired: known.isRequired || field.isRequired,
    inner,
  })
}

/** The fields by the tags that they mean in one data set, and of private ones the elements of their creators. */
function resolved(
  fields: Fields,
  tagsOf: (step: PathStep) => readonly Tag[],
  elementOf: (tag: Tag) => DataElement | undefined,
): Fields {
  const steps = [...fields].filter(([step]) => readPrivateStep(step) !== undefined)
  if (steps.length === 0) return fields
  const all: Fields = new Map([...fields].filter(([step]) => readPrivateStep(step) === undefined))
  for (const [step, field] of steps) {
    for (const tag of tagsOf(step)) {
      const element = elementOf(tag)
      // Nothing is known of a private element that is not there, not even its VR.
      if (element === undefined || !(field.isWhole || element.vr === 'SQ')) continue
      add(all, creatorTag(tag), WHOLE)
      add(all, tag, { ...field, isRequired: false })
    }
  }
  return all
}

/** What a row shows of a stored data set. */
export function shownOf(fields: Fields, whole: StoredDataSet): DataSet {
  const shown: DataSet = {}
  const elementOf = (tag: Tag) => whole.element(tag)
  for (const [tag, field] of resolved(fields, (step) => tagsIn(whole, step), elementOf))
    show(shown, tag, field, whole.element(storedTag(tag)))
  return shown
}

/**
 * What a row shows of a stored data set when it shows everything: as text what is shown as it is kept, as elements the
 * rest, and what is `named`.
 */
export function allShownOf(
  { level, fields, named, textOf }: AllFields,
  whole: KeptDataSet,
): { readonly shown: DataSet; readonly text: string } {
  const { text, others } = textOf(whole)
  const shown: DataSet = {}
  // Bulk data is shown when it is named (QIDO-47).
  const isWhole = (tag: Tag, element: DataElement | undefined): boolean =>
    element !== undefined && element.offset === undefined && isInAll(level, tag)
  for (const tag of [...named, ...others]) {
    const element = whole.element(tag)
    if (element && isWhole(tag, element)) shown[tag] = element
  }
  const elementOf = (tag: Tag) => whole.element(tag)
  for (const [tag, field] of resolved(fields, (step) => tagsIn(whole, step), elementOf)) {
    const element = whole.element(storedTag(tag))
    // What is whole by itself is there by now.
    if (named.has(tag) || !isWhole(tag, element)) show(shown, tag, field, element)
  }
  return { shown, text }
}

/** How rows are made that show everything. */
export interface AllFields {
  readonly level: Level
  readonly fields: Fields
  /** Tags that are not left to the text. */
  readonly named: ReadonlySet<Tag>
  readonly textOf: (whole: KeptDataSet) => WholeText
}

export function allFields(level: Level, fields: Fields, made: readonly Tag[]): AllFields {
  const named = new Set([
    ...[...fields.keys()].filter((step) => readPrivateStep(step) === undefined),
    ...made,
  ])
  return { level, fields, named, textOf: wholeTexts(level, named) }
}

/** AvailableTransferSyntaxUID is the one in which the instance is stored. */
export function storedTag(tag: Tag): Tag {
  return tag === '00083002' ? '00020010' : tag
}

function show(shown: DataSet, tag: Tag, field: Field, element: DataElement | undefined): void {
  if (element === undefined) {
    const vr = keyVr(tag)
    if (field.isRequired && vr !== 'UN') shown[tag] ??= { vr }
  } else if (field.isWhole) shown[tag] = element
  else if (element.vr === 'SQ') {
    shown[tag] ??= element.Value
      ? { vr: 'SQ', Value: element.Value.map((item) => shownItem(item, field.inner)) }
      : element
  }
}

function shownItem(item: Value, fields: Fields): DataSet {
  const whole = (typeof item === 'object' && item !== null ? item : {}) as DataSet
  const shown: DataSet = {}
  const here = resolved(
    fields,
    (step) => tagsOfStep(whole, step),
    (tag) => whole[tag],
  )
  for (const [tag, field] of here) show(shown, tag, field, whole[tag])
  return shown
}

/** Whether a level keeps an attribute in its tuple. */
export function isInTuple(level: 'patient' | 'study' | 'series', tag: Tag): boolean {
  return tuplesOf([`"${tag}":{}`])[level].length > 0
}
