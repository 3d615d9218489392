import { everyKind, isOff, kindsOf, policyFor } from '../../src/archive/correct-policy.ts'

const plain = { isPart: false, isSubject: false }

describe('the policy of a correction', () => {
  it('is that of what it changes', () => {
    expect(kindsOf(['00100010', '00100040'], plain)).toEqual(['demographics'])
    expect(kindsOf(['00100010', '00100021'], plain)).toEqual(['demographics', 'identity'])
    expect(kindsOf(['00080050', '00200010'], plain)).toEqual(['study'])
    expect(kindsOf([], { ...plain, isPart: true })).toEqual(['identity'])
    expect(kindsOf(['00100010', '00100020'], { ...plain, isSubject: true })).toEqual(['subject'])
  })

  it('is the most careful one of several', () => {
    const policies = { ...everyKind('auto'), identity: 'approve', study: 'off' } as const
    expect(policyFor(policies, ['demographics'])).toBe('auto')
    expect(policyFor(policies, ['demographics', 'identity'])).toBe('approve')
    expect(policyFor(policies, ['identity', 'study'])).toBe('off')
    expect([isOff(policies), isOff(everyKind('off'))]).toEqual([false, true])
  })
})
