import { isInAll } from '../dicom/attributes.ts'
import { keyVr } from '../dicom/key-vr.ts'
import { elementTags } from '../dicom/matching.ts'
import type { DataElement, DataSet, Tag, TagPath, Value } from '../dicom/data-set.ts'
import { tuplesOf } from './level-tuples.ts'
import type { Query } from './query.ts'
import { takeBlocks, type StoredDataSet } from './search-instances.ts'

/** Which attributes a row shows, as a tree into sequences. */
export interface Fields {
  readonly tags: Map<Tag, Field>
  /** Elements in whatever block a private creator has, their own tags with block digits `00`. */
  readonly privates: { readonly tag: Tag; readonly creator: string }[]
}

interface Field {
  /** Shown as it is, with all that is in it. */
  isWhole: boolean
  /** Shown empty where the entity, or an item, does not have it; but nothing makes sequences and items. */
  isRequired: boolean
  readonly inner: Fields
}

/** The attributes that a query's rows show: required and included ones, and those of its keys (PS3.18 §10.6.3.3). */
export function fieldsOf(query: Query): Fields {
  const fields: Fields = { tags: new Map(), privates: [] }
  for (const tag of query.required) addField(fields, [tag], true)
  for (const path of query.include === 'all' ? [] : query.include)
    addField(fields, path, path.length > 1 || isAsked(query, path))
  for (const { path, creator } of query.includePrivate ?? []) addPrivate(fields, path, creator)
  for (const { path, creator } of [...query.keys, ...query.aggregates]) {
    if (creator === undefined) addField(fields, path, true)
    else addPrivate(fields, path, creator)
  }
  return fields
}

function isAsked(query: Query, path: TagPath): boolean {
  return query.keys.some((key) => key.path.join('.') === path.join('.'))
}

function addField(fields: Fields, path: TagPath, isRequired: boolean): void {
  const [tag, ...rest] = path
  if (tag === undefined) return
  const field = fields.tags.get(tag) ?? {
    isWhole: false,
    isRequired: false,
    inner: { tags: new Map(), privates: [] },
  }
  fields.tags.set(tag, field)
  if (rest.length === 0) {
    field.isWhole = true
    field.isRequired ||= isRequired
  } else addField(field.inner, rest, isRequired)
}

function addPrivate(fields: Fields, path: TagPath, creator: string): void {
  const [tag, next] = path
  if (tag === undefined) return
  if (next === undefined) {
    fields.privates.push({ tag, creator })
    return
  }
  const field = fields.tags.get(tag) ?? {
    isWhole: false,
    isRequired: false,
    inner: { tags: new Map(), privates: [] },
  }
  fields.tags.set(tag, field)
  addPrivate(field.inner, path.slice(1), creator)
}

/** What a row shows of a stored data set. */
export function shownOf(query: Query, fields: Fields, whole: StoredDataSet): DataSet {
  const shown: DataSet = {}
  const take = (tag: Tag): void => {
    const element = whole.element(tag)
    if (element) shown[tag] = element
  }
  if (query.include === 'all') {
    for (const tag of whole.tags()) {
      if (tag.startsWith('0002') || !isInAll(query.level, tag)) continue
      const element = whole.element(tag)
      // Bulk data is shown when it is named (QIDO-47).
      if (element && element.offset === undefined) shown[tag] = element
    }
  }
  for (const [tag, field] of fields.tags) show(shown, tag, field, whole.element(storedTag(tag)))
  for (const { tag, creator } of fields.privates) takeBlocks(whole, tag, creator, take)
  return shown
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
  for (const [tag, field] of fields.tags) show(shown, tag, field, whole[tag])
  for (const { tag, creator } of fields.privates) {
    for (const own of elementTags(whole, tag, creator)) {
      const owner = whole[`${own.slice(0, 4)}00${own.slice(4, 6)}`]
      const element = whole[own]
      if (!owner || !element) continue
      shown[`${own.slice(0, 4)}00${own.slice(4, 6)}`] = owner
      shown[own] = element
    }
  }
  return shown
}

/** Whether a level keeps an attribute in its tuple. */
export function isInTuple(level: 'patient' | 'study' | 'series', tag: Tag): boolean {
  return tuplesOf([`"${tag}":{}`])[level].length > 0
}
