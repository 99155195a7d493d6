/** The part of the table of refusals that is about what is remembered: tasks, limits, fences, pushed bundles. */
export const stateErrors = {
  // tasks
  task_token_invalid: [
    403,
    "the task token is not one of this fleet's, or was changed",
    "send the token as it was given, or none to begin a new task",
  ],
  task_token_expired: [
    403,
    "the task token has expired",
    "send the newest token that you were given, or none to begin a new task",
  ],
  task_token_misbound: [
    403,
    "the task token is another caller's",
    "send a token that this very identity was given",
  ],
  task_token_required: [
    403,
    "a task token is required here",
    "begin a task by POST /v1/tasks, and send its token in X-Countersign-Task",
  ],
  task_depth_exceeded: [
    403,
    "there would be too many tasks below one another",
    "do it in this task, or raise tasks.max_depth",
  ],
  task_scope_exceeded: [
    403,
    "the task would have a scope or purpose that its caller, or the task above it, does not have",
    "ask for less",
  ],
  task_budget_exceeded: [403, "the task would have a larger budget than the task above it", "ask for less"],
  task_deadline_exceeded: [
    403,
    "the task's deadline has passed, or is later than the task above it may last",
    "ask for an earlier one",
  ],
  unknown_task: [
    404,
    "there is no such task, or its token was not presented",
    "send the task's own token in X-Countersign-Task",
  ],
  // fences
  fenced: [
    403,
    "what this calls, who calls, or what it belongs to is fenced off",
    "see the fence with an operator: countersign fence list",
  ],
  gateway_stopping: [503, "the gateway stops", "try again at another one, or in a moment"],
  fences_stale: [
    503,
    "whether something is fenced off can't be known now",
    "check Redis; fences.on_partition says what happens without it",
  ],
  fences_full: [
    503,
    "there are as many fences as may be",
    "lift some, fence more by one, or raise fences.max",
  ],
  unknown_fence: [404, "there is no such fence, or none of your tenant", "see countersign fence list"],
  operator_unauthenticated: [
    401,
    "no operator is known by these credentials",
    "send an operator key, or the credentials of a caller whom the operator policy knows",
  ],
  operator_refused: [403, "the operator policy doesn't allow this", "see the reasons"],
  // pushed bundles
  unknown_bundle: [
    404,
    "no bundle of this name may be pushed here",
    "configure bundles.NAME with push: true and signing",
  ],
  unknown_generation: [
    404,
    "there is no such generation of the bundle, or its content is gone",
    "see countersign bundles NAME",
  ],
  bundle_conflict: [
    409,
    "another push came first, or the bundle isn't at the generation that was named",
    "look at what is in force, and push again on top of it",
  ],
  bundle_rejected: [422, "the bundle was not accepted", "see errors; bundle_code names the reason"],
  push_not_carried: [
    503,
    "the bundle could not be written to the fleet, so it is in force nowhere",
    "check Redis and push the same again: it is recognised if it was written after all",
  ],
  push_busy: [503, "too many pushes are under way", "try again in a moment"],
  task_ended: [403, "the task has ended", "begin a new task"],
  task_contended: [
    503,
    "the task changed again and again while this was decided",
    "send fewer requests of one task at once, or try again",
  ],
  task_labels_full: [
    403,
    "the task has picked up more labels than are kept",
    "begin a new task, or give fewer labels in policy",
  ],
  state_unavailable: [
    503,
    "what is remembered of tasks and limits can't be read or changed now",
    "check Redis; state.on_unavailable says what happens without it",
  ],
  rate_limited: [
    429,
    "there were too many requests, or they used too much, in this time",
    "try again after retry-after",
  ],
  budget_exceeded: [429, "the budget is used up", "ask who gives it for more, or wait until it begins anew"],
  limits_unavailable: [503, "whether a limit allows this can't be known now", "try again; check Redis"],
} as const satisfies Record<string, readonly [status: number, message: string, fix: string]>;
