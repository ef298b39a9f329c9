// A processing element of an output-stationary systolic array: it adds up what passes through it.
// Activations move to the right, weights down, results down when the array drains.
module systolic_pe #(
    parameter SUM_BITS = 24
) (
    input  wire clk,
    input  wire reset,
    input  wire drain,
    input  wire signed [8:0] left,
    input  wire signed [7:0] above,
    input  wire signed [SUM_BITS-1:0] sum_above,
    output reg  signed [8:0] right,
    output reg  signed [7:0] below,
    output reg  signed [SUM_BITS-1:0] sum
);
    wire signed [16:0] product;
    multiplier #(9, 8) multiply (
        left,
        above,
        product
    );
    always @(posedge clk) begin
        right <= reset ? 0 : left;
        below <= reset ? 0 : above;
        sum   <= reset ? 0 : drain ? sum_above : sum + product;
    end
endmodule
