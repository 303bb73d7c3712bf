/** What the user has set in JupyterLab's settings. */

import type { ISettingRegistry } from "@jupyterlab/settingregistry";
import { Signal } from "@lumino/signaling";
import type { Wishes } from "../registry";

/** What is shown under a cell; `kernel` leaves it to the kernel's own setting. */
type Block = "kernel" | "auto" | "whole" | "line" | "off";

interface Values {
  readonly loadByItself: boolean;
  readonly openPanel: boolean;
  readonly block: Block;
  readonly markLines: boolean;
  readonly preview: boolean;
}

export class Options {
  readonly changed = new Signal<this, void>(this);
  #values: Values = { loadByItself: false, openPanel: true, block: "kernel", markLines: true, preview: true };

  get values(): Values {
    return this.#values;
  }

  /** What the kernels are to know of it. */
  get wishes(): Wishes {
    const { block } = this.#values;
    return { block: block === "kernel" ? null : block };
  }

  /** Take up the settings of a plugin, now and whenever they change. */
  async follow(registry: ISettingRegistry, plugin: string): Promise<void> {
    const settings = await registry.load(plugin);
    const read = (): void => {
      const told = Object.keys(this.#values).map((name) => [name, settings.get(name).composite]);
      this.#values = { ...this.#values, ...Object.fromEntries(told.filter(([, value]) => value !== undefined)) };
      this.changed.emit();
    };
    read();
    settings.changed.connect(read);
  }
}
