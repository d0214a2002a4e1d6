export { diagramFormats, diagramViews, drawView, type DiagramFormat } from './views.ts'
