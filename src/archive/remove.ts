import type { InstanceState } from '../database/ports/instance.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { absence } from './retrieve.ts'

/** Whatever an instance is, it can be deleted, so that nothing of a study is found any more by any UID. */
const UNDELETED: readonly InstanceState[] = ['active', 'superseded', 'rejected', 'staged']

/**
 * Deletes a study, a series or an instance: it leaves lists, counts and retrieval at once, the FHIR server is told through
 * the outbox, and it is remembered, so that sending it again does not bring it back. The bytes stay until an operator
 * collects them. Rejects with Problem `not-found`, or `gone` when it was deleted before.
 * @param actor name of the token
 */
export async function deleteInstances(archive: Archive, scope: Scope, actor: string | null): Promise<void> {
  const { lifecycle } = archive.database
  const reason = `DELETE of ${levelOf(scope)}`
  const moved = await lifecycle.change({ scope, from: UNDELETED, to: 'deleted', actor, reason })
  if (moved === 0) throw await absence(archive, scope)
}

/**
 * Brings back what was deleted or rejected, as it was: what a correction had replaced comes back as replaced. Rejects with
 * Problem `not-found` when nothing of it was.
 */
export async function restoreInstances(archive: Archive, scope: Scope, actor: string | null): Promise<void> {
  const { lifecycle } = archive.database
  const reason = `restoring of ${levelOf(scope)}`
  const moved = await lifecycle.change({
    scope,
    from: ['deleted', 'rejected'],
    to: 'active',
    actor,
    reason,
  })
  if (moved === 0) throw new Problem('not-found', 'Nothing there was deleted or rejected.')
}

function levelOf({ series, instance }: Scope): string {
  if (instance !== undefined) return 'one instance'
  return series === undefined ? 'a study' : 'a series'
}
