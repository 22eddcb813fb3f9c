-- One family of tables for all evaluations: those of `retrial eval`, and those that a run makes of
-- its own versions while it trains. What a run evaluated before is moved into it. The names
-- `evaluations` and `evaluation_rollouts` stay as views.

-- The run whose version was evaluated, and that version; NULL for `retrial eval`.
ALTER TABLE evals ADD COLUMN run INTEGER REFERENCES runs (id) ON DELETE CASCADE;
ALTER TABLE evals ADD COLUMN version INTEGER CHECK ((version IS NULL) = (run IS NULL));
CREATE UNIQUE INDEX evals_by_run ON evals (run, version) WHERE run IS NOT NULL;

-- Scores of a set once all of its problems are done; NULL until then, and in evaluations that were
-- made before these columns were. `problems` counts those with a sample that could be graded.
ALTER TABLE eval_sets ADD COLUMN problems INTEGER;
ALTER TABLE eval_sets ADD COLUMN pass_at_1 REAL;
ALTER TABLE eval_sets ADD COLUMN pass_at_k REAL;
-- Standard errors over the problems.
ALTER TABLE eval_sets ADD COLUMN pass_at_1_error REAL;
ALTER TABLE eval_sets ADD COLUMN pass_at_k_error REAL;
ALTER TABLE eval_sets ADD COLUMN evaluated_at TEXT;

-- Token ids (u32) and their log-probabilities (f32, nats), little-endian; NULL in evaluations that
-- were made before these columns were.
ALTER TABLE eval_rollouts ADD COLUMN token_ids BLOB;
ALTER TABLE eval_rollouts ADD COLUMN logprobs BLOB;

INSERT INTO evals (name, weights, settings, started_at, run, version)
SELECT runs.name || '/' || evaluations.version,
       coalesce(weights.folder, runs.model),
       json_object('temperature', runs.config -> '$.evaluation.temperature',
                   'top_p', 1.0,
                   'max_tokens', runs.config -> '$.rollout.max_tokens',
                   'seed', runs.seed,
                   'prompt', runs.config -> '$.prompts.prompt'),
       min(evaluations.evaluated_at), evaluations.run, evaluations.version
FROM evaluations
JOIN runs ON runs.id = evaluations.run
LEFT JOIN weights USING (run, version)
GROUP BY evaluations.run, evaluations.version
ORDER BY evaluations.run, evaluations.version;

INSERT INTO eval_sets (eval, benchmark, source, digest, k, problems, pass_at_1, pass_at_k,
                       pass_at_1_error, pass_at_k_error, evaluated_at)
-- Equal problems are known only within the run.
SELECT evals.id, split, 'run ' || runs.name, 'run ' || runs.id || ' ' || split, k, problems,
       pass_at_1, pass_at_k, pass_at_1_error, pass_at_k_error, evaluated_at
FROM evaluations
JOIN evals USING (run, version)
JOIN runs ON runs.id = evaluations.run;

INSERT INTO eval_problems (eval, benchmark, problem, place, text, answer, tags, tries, correct)
SELECT evals.id, problems.split, problems.id,
       row_number() OVER (PARTITION BY evals.id, problems.split ORDER BY problems.rowid) - 1,
       problems.text, problems.answer, problems.tags,
       (SELECT count(*) FILTER (WHERE verdict <> 'timeout') FROM evaluation_rollouts AS rollouts
        WHERE rollouts.run = evaluations.run AND rollouts.version = evaluations.version
          AND rollouts.split = evaluations.split AND rollouts.problem = problems.id),
       (SELECT count(*) FILTER (WHERE verdict = 'correct') FROM evaluation_rollouts AS rollouts
        WHERE rollouts.run = evaluations.run AND rollouts.version = evaluations.version
          AND rollouts.split = evaluations.split AND rollouts.problem = problems.id)
FROM evaluations
JOIN evals USING (run, version)
JOIN problems ON problems.run = evaluations.run AND problems.split = evaluations.split;

INSERT INTO eval_rollouts (eval, benchmark, problem, position, verdict, answer, canonical, finish,
                           tokens, text, token_ids, logprobs)
SELECT evals.id, split, problem, position, verdict, answer, canonical, finish,
       length(token_ids) / 4, text, token_ids, logprobs
FROM evaluation_rollouts
JOIN evals USING (run, version);

DROP VIEW scores;
DROP TABLE evaluation_rollouts;
DROP TABLE evaluations;

-- Evaluations that runs made of their own versions.
CREATE VIEW evaluations AS
SELECT evals.run, evals.version, sets.benchmark AS split, sets.k, sets.problems, sets.pass_at_1,
       sets.pass_at_k, sets.pass_at_1_error, sets.pass_at_k_error, sets.evaluated_at
FROM evals
JOIN eval_sets AS sets ON sets.eval = evals.id
WHERE evals.run IS NOT NULL AND sets.evaluated_at IS NOT NULL;

CREATE VIEW evaluation_rollouts AS
SELECT evals.run, evals.version, rollouts.benchmark AS split, rollouts.problem, rollouts.position,
       rollouts.verdict, rollouts.answer, rollouts.canonical, rollouts.finish, rollouts.text,
       rollouts.token_ids, rollouts.logprobs
FROM evals
JOIN eval_rollouts AS rollouts ON rollouts.eval = evals.id
WHERE evals.run IS NOT NULL;

-- Held-out scores with their standard errors over the problems.
CREATE VIEW scores AS
SELECT runs.name AS run, evaluations.split, evaluations.version, evaluations.k,
       evaluations.problems, evaluations.pass_at_1, evaluations.pass_at_1_error,
       evaluations.pass_at_k, evaluations.pass_at_k_error, evaluations.evaluated_at
FROM evaluations
JOIN runs ON runs.id = evaluations.run
ORDER BY evaluations.run, evaluations.split, evaluations.version;
