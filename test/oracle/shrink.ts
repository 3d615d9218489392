/** Makes a case on which service and oracle differ as small as it gets, so that it can be read, and kept as a test. */
import type { Attributes } from '../../src/dicom/compose.ts'
import type { World } from '../world.ts'
import { storedOf, type Recipe, type Step, type Steps } from './made-archive.ts'
import type { Search } from './question.ts'
import { difference, take } from './run.ts'

/** An archive and a search of it. */
export interface Case {
  readonly steps: Steps
  readonly search: Search
}

/** Where service and oracle differ on a case, in an archive of its own; null where they agree. */
export async function tried({ steps, search }: Case, open: () => Promise<World>): Promise<string | null> {
  await using world = await open()
  for (const step of steps) await take(world, step)
  return await difference(world, storedOf(steps), search)
}

/** The smallest case that still differs, among those that `attempts` trials reach, by taking away one thing after the other. */
export async function shrunk(found: Case, open: () => Promise<World>, attempts = 400): Promise<Case> {
  let [best, left] = [found, attempts]
  // What cannot be stored or asked any more is no smaller case.
  const differs = (candidate: Case): Promise<boolean> =>
    tried(candidate, open)
      .then((one) => one !== null)
      .catch(() => false)
  const firstOf = async (candidates: Iterable<Case>): Promise<Case | undefined> => {
    for (const candidate of candidates) {
      if (left-- <= 0) return undefined
      if (await differs(candidate)) return candidate
    }
    return undefined
  }
  for (let isSmaller = true; isSmaller;) {
    isSmaller = false
    for (const smaller of SMALLER) {
      for (let next = await firstOf(smaller(best)); next !== undefined; next = await firstOf(smaller(best))) {
        best = next
        isSmaller = true
      }
    }
  }
  return best
}

/** Cases with less in them, those with much less first. */
const SMALLER: readonly ((from: Case) => Generator<Case>)[] = [
  function* ({ steps, search }) {
    if (steps.length <= 1) return
    const store = recipesOf(steps)
    if (store.length > 0) yield { steps: [{ store }], search }
    for (const fewer of halves(steps)) yield { steps: fewer, search }
  },
  function* ({ steps, search }) {
    for (const fewer of halves(recipesOf(steps))) yield { steps: keeping(steps, new Set(fewer)), search }
  },
  function* ({ steps, search }) {
    for (const params of without(search.params)) yield { steps, search: { ...search, params } }
  },
  function* ({ steps, search }) {
    for (const [index, recipe] of recipesOf(steps).entries()) {
      for (const attributes of fewerAttributes(recipe.attributes)) {
        yield { steps: replaced(steps, index, { ...recipe, attributes }), search }
      }
    }
  },
  function* ({ steps, search }) {
    for (const [index, recipe] of recipesOf(steps).entries()) {
      if (Object.keys(recipe).length === 1) continue
      yield { steps: replaced(steps, index, { attributes: recipe.attributes }), search }
    }
  },
]

function recipesOf(steps: Steps): Recipe[] {
  return steps.flatMap((step) => ('store' in step ? step.store : []))
}

const UIDS = ['SOPInstanceUID', 'SeriesInstanceUID', 'StudyInstanceUID', 'SOPClassUID']

function* fewerAttributes(attributes: Attributes): Generator<Attributes> {
  const names = Object.keys(attributes).filter((name) => !UIDS.includes(name))
  const only = (kept: readonly string[]): Attributes =>
    Object.fromEntries(
      Object.entries(attributes).filter(([name]) => UIDS.includes(name) || kept.includes(name)),
    )
  for (const kept of halves(names)) yield only(kept)
}

/** Half of a list, the other half, ever smaller parts taken away, down to single members. */
function* halves<T>(list: readonly T[]): Generator<T[]> {
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < list.length; at += size) {
      yield list.filter((_, index) => index < at || index >= at + size)
    }
  }
}

function* without<T>(list: readonly T[]): Generator<T[]> {
  for (const index of list.keys()) yield list.filter((_, at) => at !== index)
}

function keeping(steps: Steps, kept: ReadonlySet<Recipe>): Steps {
  const left = steps.map((step): Step =>
    'store' in step ? { store: step.store.filter((one) => kept.has(one)) } : step,
  )
  return left.filter((step) => !('store' in step) || step.store.length > 0)
}

function replaced(steps: Steps, index: number, recipe: Recipe): Steps {
  let at = 0
  return steps.map((step): Step =>
    'store' in step ? { store: step.store.map((one) => (at++ === index ? recipe : one)) } : step,
  )
}
