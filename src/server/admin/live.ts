/**
 * Runs in the reader's browser, from its own text: it can use nothing from outside itself. Asks for
 * newer decisions and puts them on top. All texts come escaped from the broker.
 */
export function live(): void {
  const list = document.querySelector<HTMLElement>("#decisions");
  const status = document.querySelector<HTMLElement>("#live");
  const state = document.querySelector<HTMLElement>("#state");
  const pause = document.querySelector<HTMLButtonElement>("#pause");
  const filter = document.querySelector<HTMLSelectElement>("#grant");
  if (!list || !status || !pause) return;

  let cursor = list.dataset.cursor ?? "";
  let paused = false;

  const tell = (text: string, how: string): void => {
    if (status.dataset.state === how) return;
    status.textContent = text;
    status.dataset.state = how;
  };

  const show = (text: string, anew: boolean): void => {
    const template = document.createElement("template");
    template.innerHTML = text;
    const added = [...template.content.querySelectorAll("article")];
    const current = template.content.querySelector(".state");
    if (current) state?.replaceChildren(current);
    if (anew) list.replaceChildren(...added);
    else {
      for (const entry of added) entry.classList.add("new");
      list.prepend(...added);
      while (list.children.length > 200) list.lastElementChild?.remove();
    }
    document.querySelector("#none")?.toggleAttribute("hidden", list.children.length > 0);
  };

  const look = async (): Promise<void> => {
    if (paused || document.hidden) return;
    try {
      const query = new URLSearchParams(location.search);
      query.set("after", cursor);
      const answer = await fetch(`decisions?${query.toString()}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      const next = answer.headers.get("x-cursor") ?? cursor;
      show(text, answer.headers.get("x-anew") === "yes");
      cursor = next;
      tell("live", "live");
    } catch {
      tell("not connected, trying again", "lost");
    }
  };

  const go = (): void => {
    void look().finally(() => setTimeout(go, 1_500));
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    tell(paused ? "paused" : "live", paused ? "paused" : "live");
  });
  filter?.addEventListener("change", () => filter.form?.requestSubmit());
  tell("live", "live");
  go();
}
