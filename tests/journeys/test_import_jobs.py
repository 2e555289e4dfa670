"""An import of products, killed on its way, goes on in the next process and doubles nothing."""

import time
from typing import Any

from tests.journeys.shop import Client, Shop

PRODUCTS = 6_000


def upload(client: Client, content: str) -> str:
    """Return the id of an import that was started."""
    form = (
        '--x\r\ncontent-disposition: form-data; name="file"; filename="products.csv"\r\n\r\n'
        f"{content}\r\n--x--\r\n"
    )
    status, answer, _ = client.request(
        "POST",
        "/api/v1/imports?kind=products",
        form.encode(),
        Content_Type="multipart/form-data; boundary=x",
    )
    assert status == 201, answer
    import_id: str = answer["import"]["id"]
    status, answer, _ = client.request("POST", f"/api/v1/imports/{import_id}/start")
    assert status == 200, answer
    return import_id


def wait_for(client: Client, import_id: str, reached: Any) -> Any:
    while True:
        found = client.get(f"/api/v1/imports/{import_id}")
        if reached(found):
            return found
        time.sleep(0.01)  # the server tells nobody who does not ask


def test_a_killed_import_goes_on_where_it_stopped(shop: Shop):
    client = shop.client(shop.new_token())
    rows = "".join(f"sku-{number},Mug {number}\n" for number in range(PRODUCTS))
    import_id = upload(client, "custom_id,name\n" + rows)
    wait_for(client, import_id, lambda found: found["succeeded"] > 0)
    shop.kill()
    client.close()
    shop.start()
    found = wait_for(client, import_id, lambda found: found["status"] == "finished")
    assert (found["total_count"], found["succeeded"]) == (PRODUCTS, PRODUCTS)
    assert found["failed"] == found["repeated"] == 0
    listed = [product["custom_id"] for product in client.every("/api/v1/products", limit=1_000)]
    assert len(set(listed)) == len(listed) == PRODUCTS
    assert not list((shop.data_dir / "imports").iterdir())
