// A row of an output-stationary systolic array; rows are stacked by joining `below` to `above`.
module systolic_row #(
    parameter COLUMNS = 32,
    parameter SUM_BITS = 24
) (
    input  wire clk,
    input  wire reset,
    input  wire drain,
    input  wire signed [8:0] left,
    input  wire [COLUMNS*8-1:0] above,
    input  wire [COLUMNS*SUM_BITS-1:0] sums_above,
    output wire [COLUMNS*8-1:0] below,
    output wire [COLUMNS*SUM_BITS-1:0] sums
);
    wire [(COLUMNS+1)*9-1:0] passing;
    assign passing[8:0] = left;
    genvar c;
    generate
        for (c = 0; c < COLUMNS; c = c + 1) begin : column
            systolic_pe #(SUM_BITS) pe (
                    .clk(clk),
                    .reset(reset),
                    .drain(drain),
                    .left(passing[c*9+:9]),
                    .above(above[c*8+:8]),
                    .sum_above(sums_above[c*SUM_BITS+:SUM_BITS]),
                    .right(passing[(c+1)*9+:9]),
                    .below(below[c*8+:8]),
                    .sum(sums[c*SUM_BITS+:SUM_BITS])
            );
        end
    endgenerate
endmodule
