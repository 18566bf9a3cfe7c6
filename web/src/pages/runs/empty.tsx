/** What stands where there are no runs to show: the one next step. */

import { Code, EmptyState } from "../../components/basics";
import { health, isRemote } from "../../state/link";
import { param, setParams } from "../../state/route";

const EXAMPLE = `import runicorn as rn

run = rn.init(project="vision/resnet", config={"lr": 0.01})
for step in range(1000):
    run.log({"train/loss": 1 / (step + 1)})
run.finish()`;

/** unread: whether the filter cannot be read; why, stands below its box. */
export function NoMatch({ unread }: { unread: boolean }) {
  const q = param("q");
  const bin = param("deleted") === "1";
  const all = (
    <button type="button" class="button" onClick={() => setParams({ q: "", p: "", deleted: "" })}>
      Show all runs
    </button>
  );
  if (unread)
    return (
      <div class="below-filter-error">
        <EmptyState title="The filter cannot be read">{all}</EmptyState>
      </div>
    );
  return (
    <EmptyState title={bin && !q ? "The bin is empty" : "No run matches"}>
      <p>
        {q ? (
          <>
            Nothing {bin ? "in the bin " : ""}fits <code>{q}</code>
            {param("p") ? (
              <>
                {" "}
                in <code>{param("p")}</code>
              </>
            ) : null}
            .
          </>
        ) : bin ? (
          "Runs that are deleted wait here until they are restored."
        ) : (
          "There is no run here."
        )}
      </p>
      {all}
    </EmptyState>
  );
}

export function NoRuns() {
  return (
    <EmptyState title="No runs yet">
      <p>
        Log the first one; it appears here by itself
        {health.value?.root ? (
          <>
            , as soon as it is written to <code>{health.value.root}</code>
          </>
        ) : null}
        .
      </p>
      <Code text={EXAMPLE} label="Copy the example" />
      {!isRemote.value && (
        <p>
          Are your runs on a server? <a href="#/remote">Open it from here</a>.
        </p>
      )}
    </EmptyState>
  );
}
