/** Two squares that overlap: two names for the same memory. */

import { LabIcon } from "@jupyterlab/ui-components";
import svgstr from "./icon.svg";

export const icon = new LabIcon({ name: "ipy-tensorwatch:icon", svgstr });
