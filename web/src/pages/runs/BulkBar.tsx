/** What can be done with all selected runs at once; floats above the end of the table, so that no row moves. */

import { useSignal } from "@preact/signals";
import { Field } from "../../components/basics";
import { Icon } from "../../components/icons";
import { Dialog, Popover } from "../../components/overlay";
import { RUN_COLOURS } from "../../pure/colours";
import { formatCount, plural } from "../../pure/format";
import { bulkProgress, changeRuns, colourRuns, hideRuns, parseTags, stopBulk } from "../../state/actions";
import { hiddenRuns } from "../../state/looks";

interface Props {
  ids: readonly string[];
  /** How many match the filter, and whether all of them are selected. */
  total: number;
  all: boolean;
  /** Whether these are runs in the bin, and whether all of those known are archived. */
  bin: boolean;
  archived: boolean;
  onAll: () => void;
  onClear: () => void;
}

export function BulkBar({ ids, total, all, bin, archived, onAll, onClear }: Props) {
  const asking = useSignal<"tag" | "untag" | null>(null);
  const progress = bulkProgress.value;
  const anyShown = ids.some((id) => !hiddenRuns.value.has(id));
  return (
    <div class="bulk-place">
      <div class="bulk-bar" role="toolbar" aria-label="Selected runs">
        {progress ? (
          <>
            <progress max={progress.total} value={progress.done} aria-label="Changing runs" />
            <span class="num">
              {formatCount(progress.done)} of {formatCount(progress.total)}
            </span>
            <button type="button" class="button small" onClick={stopBulk}>
              Stop
            </button>
          </>
        ) : (
          <>
            <strong class="num" aria-live="polite">
              {formatCount(ids.length)} selected
            </strong>
            {!all && ids.length < total && (
              <button type="button" class="link-button" title="Select all that match (a)" onClick={onAll}>
                Select all {formatCount(total)}
              </button>
            )}
            {!bin && (
              <>
                <button type="button" class="button small quiet" onClick={() => (asking.value = "tag")}>
                  <Icon name="tag" size={13} />
                  Tag
                </button>
                <button type="button" class="button small quiet" onClick={() => (asking.value = "untag")}>
                  Untag
                </button>
                <button
                  type="button"
                  class="button small quiet"
                  onClick={() => void changeRuns(ids, { archived: !archived }, (many) => `${archived ? "Brought back" : "Archived"} ${many}.`)}
                >
                  <Icon name="archive" size={13} />
                  {archived ? "Bring back" : "Archive"}
                </button>
                <Colours ids={ids} />
                <button type="button" class="button small quiet" title={anyShown ? "Hide from charts" : "Show in charts"} onClick={() => hideRuns(ids, anyShown)}>
                  <Icon name="eye" size={13} />
                  {anyShown ? "Hide" : "Show"}
                  <span class="visually-hidden">{anyShown ? " from charts" : " in charts"}</span>
                </button>
                <button type="button" class="button small quiet danger-text" onClick={() => void changeRuns(ids, { deleted: true }, (many) => `Deleted ${many}.`)}>
                  <Icon name="trash" size={13} />
                  Delete
                </button>
              </>
            )}
            {bin && (
              <button type="button" class="button small" onClick={() => void changeRuns(ids, { deleted: false }, (many) => `Restored ${many}.`)}>
                <Icon name="undo" size={13} />
                Restore
              </button>
            )}
            <button type="button" class="icon-button" aria-label="Clear the selection" title="Clear the selection" onClick={onClear}>
              <Icon name="close" size={14} />
            </button>
          </>
        )}
        {asking.value && <TagDialog ids={ids} remove={asking.value === "untag"} onClose={() => (asking.value = null)} />}
      </div>
    </div>
  );
}

function Colours({ ids }: { ids: readonly string[] }) {
  return (
    <Popover
      label="Colour"
      buttonClass="button small quiet"
      button={
        <>
          <Icon name="palette" size={13} />
          Colour
        </>
      }
    >
      {(close) => (
        <div class="colour-choices">
          {Array.from({ length: RUN_COLOURS }, (_, index) => (
            <button
              key={index}
              type="button"
              class="colour-choice"
              aria-label={`Colour ${index + 1}`}
              style={{ background: `var(--run-${index})` }}
              onClick={() => {
                colourRuns(ids, index);
                close();
              }}
            />
          ))}
          <button
            type="button"
            class="link-button"
            onClick={() => {
              colourRuns(ids, null);
              close();
            }}
          >
            Their own
          </button>
        </div>
      )}
    </Popover>
  );
}

function TagDialog({ ids, remove, onClose }: { ids: readonly string[]; remove: boolean; onClose: () => void }) {
  const text = useSignal("");
  const tags = parseTags(text.value);
  const tooLong = tags.some((tag) => tag.length > 200);
  return (
    <Dialog title={`${remove ? "Remove tags from" : "Tag"} ${plural(ids.length, "run")}`} width={400} onClose={onClose}>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (!tags.length || tooLong) return;
          const named = tags.join(", ");
          void changeRuns(ids, remove ? { remove_tags: tags } : { add_tags: tags }, (many) => (remove ? `Removed ${named} from ${many}.` : `Tagged ${many} with ${named}.`));
          onClose();
        }}
      >
        <Field label="Tags" value={text.value} onInput={(value) => (text.value = value)} placeholder="baseline, sweep-3" hint="Separated by commas" error={tooLong ? "A tag has at most 200 characters." : null} autofocus />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={!tags.length || tooLong}>
            {remove ? "Remove" : "Tag"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
