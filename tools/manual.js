// The search box of the manual. Its index is loaded when somebody searches.
"use strict";

(() => {
    const box = document.getElementById("search");
    const list = document.getElementById("found");
    const top = document.currentScript.getAttribute("src").replace("manual.js", "");
    const most = 30;
    let loading = null;

    function load() {
        loading ??= new Promise((resolve, reject) => {
            const script = document.createElement("script");
            script.src = top + "search.js";
            script.onload = resolve;
            script.onerror = reject;
            document.head.append(script);
        });
        return loading;
    }

    // A row is an address, the page's title, a heading, text. Each word must be there.
    function score(row, words) {
        const [title, heading, text] = row.slice(1).map((part) => part.toLowerCase());
        let sum = 0;
        for (const word of words) {
            const names = title.split(/[^\w-]+/);
            if (names.includes(word)) sum += row[2] === "NAME" ? 60 : 30;
            else if (title.includes(word)) sum += 10;
            else if (heading.includes(word)) sum += 8;
            else if (text.includes(word)) sum += 1;
            else return 0;
        }
        return sum;
    }

    function entry([address, title, heading]) {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = top + address;
        link.textContent = heading && heading !== title ? title + ": " + heading : title;
        item.append(link);
        return item;
    }

    async function search() {
        const words = box.value.toLowerCase().split(/[\s(),;]+/).filter(Boolean);
        await load();
        const rows = words.length === 0 ? [] : manualIndex
            .map((row) => [score(row, words), row])
            .filter(([points]) => points > 0)
            .sort((one, two) => two[0] - one[0])
            .slice(0, most)
            .map(([, row]) => entry(row));
        list.replaceChildren(...rows);
        if (words.length > 0 && rows.length === 0) list.textContent = "Nothing found.";
        list.dataset.query = box.value;
    }

    box.addEventListener("input", search);
    box.form.addEventListener("submit", (event) => {
        event.preventDefault();
        list.querySelector("a")?.click();
    });
    const asked = new URLSearchParams(location.search).get("q");
    if (asked) {
        box.value = asked;
        search();
    }
})();
