/** Reads that do not wait for each other's answers. */
import type { Dialect, Row, Step } from './operation.ts'

type Part<R> = Generator<Step, R, Row[]>
type Parts<T extends readonly unknown[]> = { readonly [K in keyof T]: Part<T[K]> }

/**
 * Runs parts of an operation side by side: what each of them asks next goes to PostgreSQL in one go, so that there are as
 * many round trips as the longest part has steps. SQLite, which is asked for nothing over a wire, runs one after the other.
 */
export function* together<T extends readonly unknown[]>(
  dialect: Dialect,
  parts: Parts<T>,
): Generator<Step, T, Row[]> {
  const results: unknown[] = []
  if (dialect === 'sqlite') {
    for (const part of parts) results.push(yield* part)
    return results as unknown as T
  }
  const turns = parts.map((part: Part<unknown>) => ({ part, turn: part.next([]) }))
  for (;;) {
    const asked = turns.flatMap(({ turn }) => (turn.done === true ? [] : stepsOf(turn.value)))
    if (asked.length === 0) return turns.map(({ turn }) => turn.value) as unknown as T
    const answers = asked.length === 1 ? [yield first(asked)] : apart(yield { sql: '', all: asked })
    for (const one of turns) {
      if (one.turn.done === true) continue
      const { all } = one.turn.value
      const own = answers.splice(0, all?.length ?? 1)
      one.turn = one.part.next(all === undefined ? (own[0] ?? []) : joined(own))
    }
  }
}

/** A part may run parts of its own side by side. */
function stepsOf(step: Step): readonly Step[] {
  return step.all ?? [step]
}

function first(steps: readonly Step[]): Step {
  const [step] = steps
  if (step === undefined) throw new Error('nothing is asked')
  return step
}

/** The answers to several steps as one: how many rows each has, then all rows. */
export function joined(answers: readonly (readonly Row[])[]): Row[] {
  return [Object.fromEntries(answers.map((rows, at) => [String(at), rows.length])), ...answers.flat()]
}

function apart([lengths = {}, ...rows]: readonly Row[]): Row[][] {
  let from = 0
  return Object.keys(lengths).map((at) => rows.slice(from, (from += Number(lengths[at]))))
}

/** A part that asks nothing. */
export function* nothing(): Part<null> {
  return null
}
