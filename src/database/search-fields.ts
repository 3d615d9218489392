import { keyVr } from '../dicom/key-vr.ts'
import { creatorTag, readPrivateStep, tagsOfStep } from '../dicom/path-step.ts'
import type { DataElement, DataSet, KeyPath, PathStep, Tag, Value } from '../dicom/data-set.ts'
import { tuplesOf } from './level-tuples.ts'
import type { Query } from './query.ts'

/** Which attributes a row shows, as a tree into sequences; keys are the steps of paths. */
export type Fields = Map<PathStep, Field>

export interface Field {
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
export function resolvedFields(
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

/** AvailableTransferSyntaxUID is the one in which the instance is stored. */
export function storedTag(tag: Tag): Tag {
  return tag === '00083002' ? '00020010' : tag
}

/** What a field shows of an attribute; undefined for nothing. */
export function shownElement(field: Field, element: DataElement): DataElement | undefined {
  if (field.isWhole) return element
  if (element.vr !== 'SQ') return undefined
  if (element.Value === undefined) return element
  return { vr: 'SQ', Value: element.Value.map((item) => shownItem(item, field.inner)) }
}

/** What a field shows of an attribute that is not there: nothing of one whose VR nobody knows. */
export function missingElement(tag: Tag, field: Field): DataElement | undefined {
  const vr = keyVr(tag)
  return field.isRequired && vr !== 'UN' ? { vr } : undefined
}

function shownItem(item: Value, fields: Fields): DataSet {
  const whole = (typeof item === 'object' && item !== null ? item : {}) as DataSet
  const shown: DataSet = {}
  const here = resolvedFields(
    fields,
    (step) => tagsOfStep(whole, step),
    (tag) => whole[tag],
  )
  for (const [tag, field] of here) {
    const element = whole[tag]
    const own = element === undefined ? missingElement(tag, field) : shownElement(field, element)
    if (own) shown[tag] = own
  }
  return shown
}

/** Whether a level keeps an attribute in its tuple. */
export function isInTuple(level: 'patient' | 'study' | 'series', tag: Tag): boolean {
  return tuplesOf([`"${tag}":{}`])[level].length > 0
}
