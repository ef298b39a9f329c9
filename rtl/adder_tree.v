// The adder tree below the lines of a slice, which may be cut into segments of neighbouring lines.
//
// In most layers all lines hold parts of one output, and the last line's result is their sum. In a
// depthwise layer a segment is the lines of one output row, and each segment's last line has its sum.
// At level d a line adds what stands 2^d lines above it, unless a segment begins in between. One
// position of the multipliers enters per cycle; a register stands behind every level.
module adder_tree #(
    parameter LINES = 16,
    parameter LEVELS = 4,  // the logarithm of LINES, rounded up, and at least 1
    parameter SUM = 40
) (
    input  wire                 clk,
    input  wire [LINES-1:0]     begins,  // a segment begins with this line
    input  wire                 valid_in,
    input  wire [LINES*SUM-1:0] sums_in,
    output wire                 valid_out,
    output wire [LINES*SUM-1:0] sums_out
);
    wire [LINES*SUM-1:0] level [0:LEVELS];
    wire [LINES-1:0]     cut [0:LEVELS];
    reg  [LEVELS-1:0]    valid;
    assign level[0] = sums_in;
    assign cut[0] = begins;
    assign sums_out = level[LEVELS];
    assign valid_out = valid[LEVELS-1];
    always @(posedge clk) valid <= {valid, valid_in};  // the oldest bit falls out

    genvar d, l;
    generate
        for (d = 0; d < LEVELS; d = d + 1) begin : rank
            for (l = 0; l < LINES; l = l + 1) begin : lane
                reg [SUM-1:0] total;
                wire moves = d == 0 ? valid_in : valid[d == 0 ? 0 : d - 1];
                assign level[d+1][SUM*l +: SUM] = total;
                if (l >= (1 << d)) begin : adds
                    wire [SUM-1:0] above = level[d][SUM*(l - (1 << d)) +: SUM];
                    always @(posedge clk)
                        if (moves) total <= level[d][SUM*l +: SUM] + (cut[d][l] ? {SUM{1'b0}} : above);
                    assign cut[d+1][l] = cut[d][l] || cut[d][l - (1 << d)];
                end else begin : passes
                    always @(posedge clk) if (moves) total <= level[d][SUM*l +: SUM];
                    assign cut[d+1][l] = cut[d][l];
                end
            end
        end
    endgenerate
endmodule
