"""What a call of the browser SDK costs the page, in Chromium."""

from tests.browser.chromium import open_chromium
from tests.browser.pages import shop_page
from tests.browser.recorder import PageServer, Recorder

from bench.figures import Line, Plan

CALLS = 2_000
#: Isolated pages get times to 5 µs instead of 100.
ISOLATED = {
    "cross_origin_opener_policy": "same-origin",
    "cross_origin_embedder_policy": "require-corp",
}
#: (milliseconds at the median, at the 95th percentile) of each, run alternately in one page.
MEASURE = """async ([calls, pause]) => {
    const product = (n) => ({
        product_id: `mug-${n % 200}`, event_type: "view", name: "Blue mug, 0.3 l", price: 9.9,
        category_name: "Mugs", brand: "Kiln", product_url: `${location.origin}/mug-${n}`,
        image_url: `${location.origin}/mug-${n}.svg`, custom_data: {quantity: 1, currency: "EUR"},
    });
    const timed = {baseline: [], call: []};
    const time = (name, run) => {
        const began = performance.now();
        run();
        timed[name].push(performance.now() - began);
    };
    for (let n = 0; n < calls; n++) {
        const fields = product(n);
        time("baseline", () => localStorage.setItem(`baseline${n % 50}`, JSON.stringify(fields)));
        time("call", () => footfall("product_event", fields));
        if (n % 20 == 0) await new Promise((resolve) => setTimeout(resolve, pause));
    }
    const at = (name, share) => timed[name].sort((a, b) => a - b)[Math.floor(calls * share)];
    return Object.keys(timed).map((name) => [at(name, 0.5), at(name, 0.95)]);
}"""


def calls(plan: Plan) -> list[Line]:
    """A product event's call, while events are delivered and while the queue is full."""
    lines = []
    for title, online in (("delivering", True), ("offline, the queue full", False)):
        runs = [_measured(online) for _ in range(plan.runs)]
        (_, baseline), (median, worst) = sorted(runs, key=lambda run: run[1][1])[len(runs) // 2]
        lines.append(
            Line(
                f"SDK call on the page's thread, {title}, p95 ms",
                f"{worst:.3f}",
                f"{worst / baseline:.1f} of stringify + setItem; p50 {median:.3f}",
                "< 1",
                worst < 1,
            )
        )
    return lines


def _measured(online: bool) -> list[tuple[float, float]]:
    site, recorder = PageServer(), Recorder()
    try:
        with open_chromium() as chromium, chromium.new_context() as context:
            tab = context.new_page()
            tab.goto(site.add("/", shop_page(recorder.origin), **ISOLATED))
            recorder.wait_for(1, "page_view")
            context.set_offline(not online)
            measured: list[tuple[float, float]] = tab.evaluate(MEASURE, [CALLS, 5])
            return measured
    finally:
        site.close()
        recorder.close()
