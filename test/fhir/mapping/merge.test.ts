import fc from 'fast-check'
import { canonical, without } from '../../../src/fhir/mapping/canonical.ts'
import { merge, mergeOver } from '../../../src/fhir/mapping/merge.ts'
import type { Json, JsonObject, Resource } from '../../../src/fhir/ports.ts'

const words = fc.string({ minLength: 1, maxLength: 5 })
const uid = fc.integer({ min: 1, max: 6 }).map((n) => `1.2.${n}`)

const instance = fc.record(
  {
    uid,
    sopClass: fc.constant({ system: 'urn:ietf:rfc:3986', code: 'urn:oid:1.2' }),
    number: fc.nat(9),
    title: words,
  },
  { requiredKeys: ['uid', 'sopClass'] },
)
const oneSeries = fc.record(
  {
    uid,
    number: fc.nat(9),
    modality: fc.constantFrom({ code: 'CT' }, { code: 'MR' }),
    description: words,
    numberOfInstances: fc.nat(9),
    instance: fc.uniqueArray(instance, { selector: (one) => one.uid, minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['uid', 'modality'] },
)
/** What Concord owns in an ImagingStudy, as pushed. */
const owned = fc.record(
  {
    resourceType: fc.constant('ImagingStudy'),
    meta: fc.constant({ tag: [{ system: 'urn:x', code: 'ours' }] }),
    identifier: fc.constant([{ system: 'urn:dicom:uid', value: 'urn:oid:1.2' }]),
    status: fc.constantFrom('available', 'cancelled'),
    modality: fc.uniqueArray(fc.constantFrom({ code: 'CT' }, { code: 'MR' }, { code: 'US' }), {
      minLength: 1,
    }),
    subject: fc.constantFrom({ reference: 'Patient/a' }, { display: 'Roe' }),
    description: words,
    referrer: words.map((display) => ({ display })),
    numberOfSeries: fc.nat(9),
    series: fc.uniqueArray(oneSeries, { selector: (one) => one.uid, minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ['resourceType', 'identifier', 'status', 'subject'] },
) as fc.Arbitrary<Resource>

/** What others add: elements, extensions, items of lists. */
const foreign = fc.record(
  {
    note: fc.array(
      words.map((text) => ({ text })),
      { minLength: 1 },
    ),
    encounter: words.map((display) => ({ display })),
  },
  { requiredKeys: [] },
)
const extension = [{ url: 'http://example.org/x', valueString: 'theirs' }]

/** The resource with foreign additions at every level, as a server holds it. */
function decorated(resource: Resource, additions: JsonObject): Resource {
  const series = (resource['series'] ?? []) as readonly JsonObject[]
  return {
    ...resource,
    ...additions,
    id: 'x',
    meta: { ...(resource['meta'] as JsonObject | undefined), versionId: '7' },
    identifier: [...(resource['identifier'] as readonly Json[]), { system: 'urn:theirs', value: '1' }],
    ...(series.length > 0 && { series: series.map((one) => ({ ...one, extension })) }),
  }
}

describe('the three-way merge', () => {
  it('of what we last wrote plus what others added is what we write plus what others added', () => {
    fc.assert(
      fc.property(owned, owned, foreign, (base, ours, additions) => {
        const theirs = decorated(base, additions)
        const { resource, edits } = merge(theirs, ours, base)
        const survivors = new Set(((base['series'] ?? []) as readonly JsonObject[]).map((one) => one['uid']))
        const expected = decorated(ours, additions)
        const series = ((expected['series'] ?? []) as readonly JsonObject[]).map((one) => {
          return survivors.has(one['uid']) ? one : without(one, 'extension')
        })
        expect(canonical(resource)).toBe(canonical({ ...expected, ...(series.length > 0 && { series }) }))
        expect(edits).toEqual([])
      }),
    )
  })

  it('changes nothing the second time, whatever the server held', () => {
    fc.assert(
      fc.property(
        owned,
        owned,
        owned,
        foreign,
        fc.constantFrom('repair', 'respect'),
        (theirs, ours, base, more, policy) => {
          const first = merge(decorated(theirs, more), ours, base, policy)
          const second = merge(first.resource, ours, first.owned, policy)
          expect(canonical(second.resource)).toBe(canonical(first.resource))
          expect(second.changed).toBe(false)
        },
      ),
    )
  })

  it('under repair ends with every element of ours but the subject, whatever was edited', () => {
    fc.assert(
      fc.property(owned, owned, (theirs, ours) => {
        const base = ours
        const { resource } = merge({ ...theirs, subject: ours['subject'] }, ours, base)
        for (const name of ['status', 'description', 'referrer', 'numberOfSeries', 'modality'] as const) {
          if (ours[name] !== undefined) expect(resource[name]).toEqual(ours[name])
        }
      }),
    )
  })

  it('under respect keeps every edit of a value, and goes on keeping it', () => {
    fc.assert(
      fc.property(owned, words, owned, (base, edit, ours) => {
        fc.pre(
          base['description'] !== undefined && base['description'] !== edit && ours['description'] !== edit,
        )
        fc.pre(ours['description'] !== undefined)
        const first = merge({ ...base, description: edit }, ours, base, 'respect')
        expect(first.resource['description']).toBe(edit)
        const second = merge(first.resource, base, first.owned, 'respect')
        expect(second.resource['description']).toBe(edit)
        expect(second.edits).toContain('description')
      }),
    )
  })

  it('does not mistake a write of ours, whose answer was lost, for an edit', () => {
    fc.assert(
      fc.property(owned, owned, owned, (base, pending, ours) => {
        const subject = base['subject']
        const [a, b, c] = [base, pending, ours].map((one) => ({ ...one, subject }))
        expect(mergeOver(b!, c!, [a!, b!]).edits).toEqual([])
        expect(mergeOver(a!, c!, [a!, b!]).edits).toEqual([])
      }),
    )
  })

  it('depends neither on the order of members nor on the order of items', () => {
    fc.assert(
      fc.property(owned, owned, foreign, (base, ours, more) => {
        const theirs = decorated(base, more)
        const shuffled = {
          ...Object.fromEntries(Object.entries(theirs).reverse()),
          resourceType: 'ImagingStudy',
          ...(theirs['series'] !== undefined && {
            series: [...(theirs['series'] as readonly Json[])].reverse(),
          }),
        }
        expect(canonical(merge(shuffled, ours, base).resource)).toBe(
          canonical(merge(theirs, ours, base).resource),
        )
      }),
    )
  })

  const study = (more: JsonObject): Resource => ({
    resourceType: 'ImagingStudy',
    status: 'available',
    subject: { reference: 'Patient/a' },
    ...more,
  })

  it('never brings back a study that a person marked as an error', () => {
    const merged = merge(study({ status: 'entered-in-error' }), study({}), study({}))
    expect(merged.resource['status']).toBe('entered-in-error')
    expect(merged.edits).toEqual(['status'])
  })

  it('admits no second Study Instance UID and no modality of others', () => {
    const uids = (...values: string[]): Json => values.map((value) => ({ system: 'urn:dicom:uid', value }))
    const ours = study({ identifier: uids('urn:oid:1'), modality: [{ code: 'CT' }] })
    const theirs = study({ identifier: uids('urn:oid:2'), modality: [{ code: 'CT' }, { code: 'XX' }] })
    const { resource, edits } = merge(theirs, ours, ours)
    expect(resource).toEqual(ours)
    // By name of the list alone: a key may be words about a patient.
    expect(edits).toEqual(['identifier[]', 'identifier[]', 'modality[]'])
  })

  it('keeps a namesake that others put beside ours, once and for good, but no second series of one UID', () => {
    const ours = study({ identifier: [{ system: 'urn:x', value: '1' }], series: [{ uid: '1.2', number: 1 }] })
    const theirs = study({
      identifier: [
        { system: 'urn:x', value: '1' },
        { use: 'old', system: 'urn:x', value: '1' },
      ],
      series: [
        { uid: '1.2', number: 1 },
        { uid: '1.2', number: 2 },
      ],
    })
    const { resource } = merge(theirs, ours, ours)
    expect(resource).toEqual({ ...ours, identifier: theirs['identifier'] })
    expect(merge(resource, ours, ours).changed).toBe(false)
  })

  it('has each instance in the series that the index says, though somebody renamed or split that series', () => {
    const instances = (...uids: string[]) => uids.map((one) => ({ uid: one, sopClass: { code: 'c' } }))
    const modality = { code: 'CT' }
    const ours = {
      resourceType: 'ImagingStudy',
      series: [{ uid: '1.1', modality, instance: instances('1.1.1', '1.1.2') }],
    } as unknown as Resource
    const [one] = ours['series'] as unknown as [JsonObject]
    const renamed = { ...ours, series: [{ ...one, uid: '1.9' }] } as Resource
    const own = { uid: '1.8', modality, instance: instances('7.7') }
    const split = {
      ...ours,
      series: [
        { ...one, instance: instances('1.1.1') },
        { ...own, uid: '1.9', instance: instances('1.1.2') },
        own,
      ],
    } as unknown as Resource
    expect(merge(renamed, ours, ours).resource).toEqual(ours)
    expect(merge(renamed, ours, ours).edits.toSorted()).toEqual(['series[1.1]', 'series[1.9]'])
    expect(merge(renamed, ours, ours, 'respect').resource).toEqual(renamed)
    expect(merge(split, ours, ours).resource['series']).toEqual([one, own])
  })

  it('leaves a series of somebody else as it is that has an instance of ours among its own', () => {
    const listed = (...uids: string[]) => uids.map((one) => ({ uid: one }))
    const ours = study({ series: [{ uid: '1.1', instance: listed('1.1.1', '1.1.2') }] })
    const [one] = ours['series'] as unknown as [JsonObject]
    const other = { uid: '1.9', instance: listed('1.1.1', '7.7') }
    const merged = merge(study({ series: [one, other] }), ours, ours)
    expect([merged.resource['series'], merged.edits]).toEqual([[one, other], []])
  })

  it('keeps what others added to a value of ours until that changes', () => {
    const [before, now] = [{ display: 'Curie' }, { display: 'Roe' }]
    const added = (referrer: JsonObject) => study({ referrer: { ...referrer, reference: 'Practitioner/p' } })
    const merged = (theirs: Resource, ours: JsonObject, base: JsonObject): unknown =>
      merge(theirs, study({ referrer: ours }), study({ referrer: base })).resource['referrer']
    expect(merged(added(before), before, before)).toEqual({ ...before, reference: 'Practitioner/p' })
    expect(merged(added(now), now, before)).toEqual(now)
  })

  it('under respect leaves out for good what somebody took out', () => {
    const [base, ours] = [study({ numberOfSeries: 1 }), study({ numberOfSeries: 2 })]
    const first = merge(study({}), ours, base, 'respect')
    expect([first.resource['numberOfSeries'], first.owned['numberOfSeries']]).toEqual([undefined, 1])
    const second = merge(first.resource, ours, first.owned, 'respect')
    expect([second.changed, second.edits]).toEqual([false, ['numberOfSeries']])
  })

  it('gives a study that it adopts the Patient that has been found by then, and leaves one that a person chose', () => {
    const identifier = { system: 'urn:oid:1.2', value: 'P1' }
    const ours = study({ subject: { reference: 'Patient/a', identifier } })
    const adopted = (subject: JsonObject) => merge(study({ subject }), ours, null)
    expect(adopted({ type: 'Patient', identifier }).resource['subject']).toEqual(ours['subject'])
    const others = [{ reference: 'Patient/b', identifier }, { identifier: { ...identifier, value: 'P2' } }]
    expect(others.map((subject) => adopted(subject).resource['subject'])).toEqual(others)
    expect(others.map((subject) => adopted(subject).subjectMoved)).toEqual([true, false])
  })

  it('knows a reference again when the server made it absolute or added a version', () => {
    const ours = study({ endpoint: [{ reference: 'Endpoint/e' }] })
    const theirs = study({
      subject: { reference: 'https://fhir.example.org/base/Patient/a' },
      endpoint: [{ reference: 'Endpoint/e/_history/3' }],
    })
    const merged = merge(theirs, ours, ours)
    expect(merged.subjectMoved).toBe(false)
    expect(merged.resource['endpoint']).toHaveLength(1)
  })

  it('drops a generated narrative that has become untrue, and keeps one that a person wrote', () => {
    const text = (status: string): Json => ({ status, div: '<div>3 series</div>' })
    const ours = study({ numberOfSeries: 4 })
    const base = study({ numberOfSeries: 3 })
    expect(merge({ ...base, text: text('generated') }, ours, base).resource).not.toHaveProperty('text')
    expect(merge({ ...base, text: text('additional') }, ours, base).resource).toHaveProperty('text')
    expect(merge({ ...base, text: text('generated') }, base, base).changed).toBe(false)
  })
})
