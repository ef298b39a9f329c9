// When a fold of an output-stationary array of ROWS x COLUMNS reads, drains and is over (SCALE-Sim,
// ISPASS'20, equation 4). Row r is fed from cycle r on, column c from cycle c on, for `steps` cycles
// each; the last product is made ROWS + COLUMNS - 2 cycles later, and results leave in ROWS cycles.
module systolic_fold #(
    parameter ROWS = 32,
    parameter COLUMNS = 32
) (
    input  wire clk,
    input  wire reset,
    input  wire start,
    input  wire [15:0] steps,
    output reg  busy,
    output wire [ROWS-1:0] read_rows,
    output wire [COLUMNS-1:0] read_columns,
    output wire drain
);
    reg [16:0] cycle;
    wire [16:0] streamed = steps + (ROWS + COLUMNS - 2);
    assign drain = busy && cycle >= streamed;
    genvar i;
    generate
        for (i = 0; i < ROWS; i = i + 1) begin : row
            assign read_rows[i] = busy && cycle >= i && cycle < steps + i;
        end
        for (i = 0; i < COLUMNS; i = i + 1) begin : column
            assign read_columns[i] = busy && cycle >= i && cycle < steps + i;
        end
    endgenerate
    always @(posedge clk)
        if (reset) busy <= 0;
        else if (!busy) begin
            busy  <= start;
            cycle <= 0;
        end else begin
            cycle <= cycle + 1;
            busy  <= cycle + 1 != streamed + ROWS;
        end
endmodule
