import { type ElementRule, RULES, type TypeRule } from './schema.ts'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }
export type ResourceJson = { resourceType: string } & Record<string, JsonValue>

/** What is wrong with a resource, as `path: cause`; nothing when it is valid. Stricter than most servers on purpose. */
export function faultsOf(resource: ResourceJson, release: 'R4' | 'R5'): string[] {
  const faults: string[] = []
  const report = (path: string, cause: string): void => void faults.push(`${path}: ${cause}`)
  checkJson(resource, resource.resourceType, report)
  const rules = RULES[release]
  const rule = rules.get(resource.resourceType)
  if (rule) checkObject(resource, rule, { rules, report, path: resource.resourceType })
  if (resource.resourceType === 'ImagingStudy') checkStudy(resource, report)
  checkContained(resource, report)
  for (const [i, inner] of list(resource['contained']).entries()) {
    const path = `${resource.resourceType}.contained[${i}]`
    const rule = rules.get(asText(inner['resourceType']))
    if (rule) checkObject(inner, rule, { rules, report, path })
    else if (!('resourceType' in inner)) report(path, 'no resource')
  }
  return faults
}

type Report = (path: string, cause: string) => void

interface Place {
  readonly rules: ReadonlyMap<string, TypeRule>
  readonly report: Report
  readonly path: string
}

/** FHIR JSON holds no empty values and no nulls (R4 §2.6.2); strings are not blank. */
function checkJson(value: JsonValue, path: string, report: Report): void {
  if (value === null) report(path, 'null')
  else if (typeof value === 'string' && value.trim() === '') report(path, 'blank string')
  else if (typeof value === 'string' && hasControls(value)) report(path, 'control character')
  else if (Array.isArray(value)) {
    if (value.length === 0) report(path, 'empty list')
    value.forEach((item, i) => checkJson(item, `${path}[${i}]`, report))
  } else if (typeof value === 'object') {
    const members = Object.entries(value)
    if (members.length === 0) report(path, 'empty object')
    for (const [name, member] of members) checkJson(member, `${path}.${name}`, report)
  }
}

function hasControls(text: string): boolean {
  return Array.from(text).some((c) => c < ' ' && !'\t\r\n'.includes(c))
}

function checkObject(value: JsonValue, rule: TypeRule, place: Place): void {
  if (!isObject(value)) {
    place.report(place.path, 'object expected')
    return
  }
  for (const [name, element] of rule) {
    if (element.isRequired && !(name in value)) place.report(`${place.path}.${name}`, 'required')
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === 'resourceType' || name === 'id' || name === 'extension' || name === 'modifierExtension')
      continue
    const element = rule.get(name.replace(/^_/u, ''))
    const path = `${place.path}.${name}`
    if (!element) place.report(path, 'unknown element')
    else if (!name.startsWith('_')) checkElement(member, element, { ...place, path })
  }
}

function checkElement(value: JsonValue, element: ElementRule, place: Place): void {
  if (Array.isArray(value) !== element.isList) {
    place.report(place.path, element.isList ? 'list expected' : 'no list expected')
    return
  }
  const values = Array.isArray(value) ? value : [value]
  values.forEach((one, i) => {
    const path = element.isList ? `${place.path}[${i}]` : place.path
    checkValue(one, element, { ...place, path })
  })
}

function checkValue(value: JsonValue, element: ElementRule, place: Place): void {
  if (element.type === 'any') return
  const rule = place.rules.get(element.type)
  if (rule) {
    checkObject(value, rule, place)
    if (element.type === 'Reference' && isObject(value)) checkReference(value, element.allowed, place)
    return
  }
  if (!isPrimitive(element.type, value)) place.report(place.path, `no ${element.type}`)
  if (element.allowed.length > 0 && !element.allowed.includes(asText(value))) {
    place.report(place.path, `not one of ${element.allowed.join('|')}`)
  }
}

const DAY = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])'
const CLOCK =
  '(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d{1,9})?(?:Z|[+-](?:0\\d|1[0-3]):[0-5]\\d|[+-]14:00)'
/** The regular expressions of the R4 data types page; dateTime with a time has an offset. */
const PRIMITIVES: Readonly<Record<string, RegExp>> = {
  string: /^[\s\S]+$/u,
  code: /^\S+(?: \S+)*$/u,
  id: /^[A-Za-z0-9.-]{1,64}$/u,
  uri: /^[a-z][a-z0-9+.-]*:\S+$|^[A-Z][A-Za-z]+$/u,
  url: /^https?:\/\/\S+$/u,
  date: /^\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?$/u,
  dateTime: new RegExp(`^(?:\\d{4}|\\d{4}-(?:0[1-9]|1[0-2])|${DAY}(?:T${CLOCK})?)$`, 'u'),
  instant: new RegExp(`^${DAY}T${CLOCK}$`, 'u'),
}

function isPrimitive(type: string, value: JsonValue): boolean {
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'unsignedInt') {
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2147483647
  }
  if (type === 'integer64') return typeof value === 'string' && /^-?\d{1,19}$/u.test(value)
  if (typeof value !== 'string' || PRIMITIVES[type]?.test(value) !== true) return false
  // The calendar: 31 February matches the expression.
  const day = value.slice(0, 10)
  const isDated = day.length === 10 && (type === 'date' || type === 'dateTime' || type === 'instant')
  return !isDated || new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

function checkReference(value: Record<string, JsonValue>, targets: readonly string[], place: Place): void {
  if (!['reference', 'identifier', 'display', 'extension'].some((name) => name in value)) {
    place.report(place.path, 'reference without reference, identifier and display')
  }
  const text = asText(value['reference'])
  const isLocal = text === '' || text.startsWith('#') || text.startsWith('urn:uuid:')
  const target = isLocal ? asText(value['type']) : targetType(text)
  if (!isLocal && target === '') place.report(place.path, 'no reference')
  else if (target !== '' && targets.length > 0 && !targets.includes(target)) {
    place.report(place.path, `${target} is not one of ${targets.join('|')}`)
  }
}

/** `Type` of `Type/id`, of the same behind a base URL, and of either with a version. */
function targetType(reference: string): string {
  const expression = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?$/u
  return expression.exec(reference)?.[1] ?? ''
}

/** What every ImagingStudy of a working archive has, and servers do not check. */
function checkStudy(study: ResourceJson, report: Report): void {
  const identifiers = list(study['identifier']).filter((one) => one['system'] === 'urn:dicom:uid')
  const series = list(study['series'])
  if (series.length > 0 && identifiers.length !== 1)
    report('ImagingStudy.identifier', 'one Study Instance UID expected')
  for (const { value } of identifiers) {
    if (!/^urn:oid:\d+(?:\.\d+)*$/u.test(asText(value))) {
      report('ImagingStudy.identifier.value', 'urn:oid:… expected')
    }
  }
  unique(series, 'ImagingStudy.series', report)
  const instances = series.flatMap((one) => list(one['instance']))
  unique(instances, 'ImagingStudy.series.instance', report)
  for (const one of series) {
    if ('instance' in one && one['numberOfInstances'] !== list(one['instance']).length) {
      report('ImagingStudy.series.numberOfInstances', 'other than listed')
    }
  }
  for (const { sopClass } of instances) {
    const isClass =
      isObject(sopClass) &&
      sopClass['system'] === 'urn:ietf:rfc:3986' &&
      asText(sopClass['code']).startsWith('urn:oid:')
    if (!isClass) report('ImagingStudy.series.instance.sopClass', 'urn:ietf:rfc:3986|urn:oid:… expected')
  }
}

function unique(listed: readonly Record<string, JsonValue>[], path: string, report: Report): void {
  if (new Set(listed.map(({ uid }) => uid)).size !== listed.length) report(path, 'a uid occurs twice')
}

/** dom-3: what is contained is referred to. */
function checkContained(resource: ResourceJson, report: Report): void {
  const text = JSON.stringify(resource)
  for (const { id } of list(resource['contained'])) {
    if (!text.includes(`"#${asText(id)}"`))
      report(`${resource.resourceType}.contained`, 'not referred to (dom-3)')
  }
}

/** The string, or `''` for anything else. */
export function asText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

export function isObject(value: JsonValue | undefined): value is Record<string, JsonValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function list(value: JsonValue | undefined): Record<string, JsonValue>[] {
  return Array.isArray(value) ? value.filter((item) => isObject(item)) : []
}
