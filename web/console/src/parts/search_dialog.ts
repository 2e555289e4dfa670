// The search of every page: Ctrl K opens it, letters narrow it, arrows and Enter choose.
// The focus stays in the field; the option that Enter opens is told by aria-activedescendant.

/** Make the dialog of the page work. */
export function startSearch(dialog: HTMLDialogElement): void {
  const field = dialog.querySelector<HTMLInputElement>("[role='combobox']");
  const list = dialog.querySelector<HTMLElement>("[role='listbox']");
  const said = dialog.querySelector<HTMLElement>("[role='status']");
  if (!field || !list || !said) return;

  const options = (): HTMLElement[] => [...list.querySelectorAll<HTMLElement>("[role='option']")];
  const active = (): HTMLElement | undefined => options().find((one) => one.ariaSelected === "true");

  function choose(option: HTMLElement | undefined): void {
    for (const one of options()) one.setAttribute("aria-selected", String(one === option));
    if (option) field?.setAttribute("aria-activedescendant", option.id);
    else field?.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  function open(): void {
    if (dialog.open) return;
    dialog.showModal();
    field?.select();
    field?.dispatchEvent(new Event("opened"));
  }

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey) return;
    if (!(event.ctrlKey || event.metaKey) || event.isComposing) return;
    if (!dialog.open && document.querySelector("dialog[open]")) return; // another one asks something
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });
  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element && event.target.closest(`[data-open='${dialog.id}']`);
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });

  // What is shown belongs to what was typed before: until the answer comes, Enter opens none of it.
  field.addEventListener("input", () => choose(undefined));
  list.addEventListener("htmx:afterSwap", () => {
    const count = options().length;
    field.setAttribute("aria-expanded", String(count > 0));
    said.textContent = count ? `${count} found` : "Nothing is called like that.";
    list.scrollTop = 0;
    choose(options()[0]);
  });

  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const all = options();
    const now = all.findIndex((one) => one.ariaSelected === "true");
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && all.length) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : now < 0 ? 0 : -1;
      choose(all[(now + step + all.length) % all.length]);
    } else if (event.key === "Enter") {
      const option = active();
      if (!option) return; // the form opens the page of the search
      event.preventDefault();
      option.click();
    }
  });
  list.addEventListener("click", () => dialog.close());
}
