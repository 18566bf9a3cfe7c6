/** The menu that says what rows are grouped by, up to three levels. */

import { Icon } from "../../components/icons";
import { lazy } from "../../components/lazy";
import { Popover } from "../../components/overlay";
import { groupWord } from "../../pure/grouping";
import { groupBy } from "../../state/grouping";

const GroupPanel = lazy(() => import("./GroupPanel"), (part) => part.GroupPanel, null);

export function GroupMenu() {
  const by = groupBy();
  return (
    <Popover
      label={by.length ? `Group: ${by.map(groupWord).join(" › ")}` : "Group"}
      buttonClass={`button quiet${by.length ? " on" : ""}`}
      button={
        <>
          <Icon name="group" size={14} />
          {by.length ? <span class="ellipsis">{by.map(groupWord).join(" › ")}</span> : "Group"}
        </>
      }
    >
      {() => <GroupPanel />}
    </Popover>
  );
}
