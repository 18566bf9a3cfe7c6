/** The menu in which columns are searched, chosen, put in order and pinned. */

import { Icon } from "../../components/icons";
import { lazy } from "../../components/lazy";
import { Popover } from "../../components/overlay";
import type { ColumnActions, TableColumns } from "../../state/tableColumns";

const ColumnsPanel = lazy(() => import("./ColumnsPanel"), (part) => part.ColumnsPanel, null);

export function ColumnsMenu({ columns, actions }: { columns: TableColumns; actions: ColumnActions }) {
  return (
    <Popover
      label="Columns"
      buttonClass="button quiet"
      button={
        <>
          <Icon name="columns" size={14} />
          Columns
        </>
      }
    >
      {() => <ColumnsPanel columns={columns} actions={actions} />}
    </Popover>
  );
}
