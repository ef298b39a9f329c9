"""SmartDeal's rule and its Verilog on the same tiles: cycles of jobs, bits of outputs."""
